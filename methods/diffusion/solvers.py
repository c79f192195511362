"""Probability-flow ODE solvers: pure functions ``(denoise, z, schedule, times) -> z``.

The diffusion is Z_t = alpha(t) Z_0 + beta(t) noise. ``denoise(z, alpha, beta)`` returns
x0 = E[Z_0 | Z_t = z], the mean of the clean sample given the noisy z. With the noise estimate
e = (z - alpha x0) / beta, the probability-flow ODE is

    dz/dt = alpha'(t) x0 + beta'(t) e.

This equals b z - sigma² s / 2 with b = alpha' / alpha, sigma² = (beta²)' - 2 b beta² and the score
s = -e / beta.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal, Protocol

import torch
from torch import Tensor

__all__ = [
    "SOLVERS",
    "Denoiser",
    "NoiseSchedule",
    "SolverName",
    "adams_bashforth_2",
    "ddim",
    "dpmpp_2m",
    "euler",
    "heun",
    "solve",
]

Denoiser = Callable[[Tensor, float, float], Tensor]
SolverName = Literal["euler", "heun", "ddim", "dpmpp_2m", "ab2"]


class NoiseSchedule(Protocol):
    """Scales of signal and noise, their derivatives, and the time grid of a solver."""

    def alpha(self, t: Tensor) -> Tensor:
        """Return the signal scale alpha at times t."""

    def beta(self, t: Tensor) -> Tensor:
        """Return the noise standard deviation beta at times t."""

    def alpha_slope(self, t: Tensor) -> Tensor:
        """Return the derivative dalpha / dt."""

    def beta_slope(self, t: Tensor) -> Tensor:
        """Return the derivative dbeta / dt."""

    def log_snr(self, t: Tensor) -> Tensor:
        """Return log(alpha / beta), half the log signal-to-noise ratio."""

    def times(self, steps: int, solver: str) -> Tensor:
        """Return ``steps + 1`` times, from pure noise to no noise."""


def _slope(denoise: Denoiser, z: Tensor, schedule: NoiseSchedule, t: Tensor) -> Tensor:
    """Return the right-hand side dz/dt of the ODE."""
    alpha, beta = float(schedule.alpha(t)), float(schedule.beta(t))
    clean = denoise(z, alpha, beta)
    noise = (z - alpha * clean) / beta
    return float(schedule.alpha_slope(t)) * clean + float(schedule.beta_slope(t)) * noise


def euler(denoise: Denoiser, z: Tensor, schedule: NoiseSchedule, times: Tensor) -> Tensor:
    """Integrate by the explicit Euler method in t. Its order is 1.

    Zhang et al. (arXiv 2506.18227) use this solver with 1000 uniform steps.
    """
    for t, t_next in pairwise(times):
        z = z + float(t_next - t) * _slope(denoise, z, schedule, t)
    return z


def heun(denoise: Denoiser, z: Tensor, schedule: NoiseSchedule, times: Tensor) -> Tensor:
    """Integrate by Heun's method in t, with two evaluations per step. Its order is 2.

    The last step, which ends without noise, is an Euler step.
    Reference: Karras et al.: Elucidating the design space of diffusion-based generative models, NeurIPS 2022.
    """
    for t, t_next in pairwise(times):
        step = float(t_next - t)
        slope = _slope(denoise, z, schedule, t)
        ahead = z + step * slope
        if float(schedule.beta(t_next)) > 0:
            ahead = z + 0.5 * step * (slope + _slope(denoise, ahead, schedule, t_next))
        z = ahead
    return z


def adams_bashforth_2(denoise: Denoiser, z: Tensor, schedule: NoiseSchedule, times: Tensor) -> Tensor:
    """Integrate by the two-step Adams-Bashforth method in t with variable steps. Its order is 2.

    Each step costs one evaluation.
    """
    previous: Tensor | None = None
    previous_step = 0.0
    for t, t_next in pairwise(times):
        step = float(t_next - t)
        slope = _slope(denoise, z, schedule, t)
        ahead = slope
        if previous is not None:
            ahead = slope + (0.5 * step / previous_step) * (slope - previous)
        z = z + step * ahead
        previous, previous_step = slope, step
    return z


def ddim(denoise: Denoiser, z: Tensor, schedule: NoiseSchedule, times: Tensor) -> Tensor:
    """Integrate by the exponential integrator of order 1 in log-SNR, with one evaluation per step.

    Reference: Song, Meng, Ermon: Denoising diffusion implicit models, ICLR 2021.
    """
    for t, t_next in pairwise(times):
        alpha, beta = float(schedule.alpha(t)), float(schedule.beta(t))
        clean = denoise(z, alpha, beta)
        noise = (z - alpha * clean) / beta
        z = float(schedule.alpha(t_next)) * clean + float(schedule.beta(t_next)) * noise
    return z


def dpmpp_2m(denoise: Denoiser, z: Tensor, schedule: NoiseSchedule, times: Tensor) -> Tensor:
    """Integrate by the two-step exponential integrator of order 2 in log-SNR, with one evaluation per step.

    The clean mean is extrapolated linearly in log-SNR from the last two evaluations.
    Reference: Lu et al.: DPM-Solver++, arXiv 2211.01095.
    """
    previous: Tensor | None = None
    previous_step = 0.0
    for t, t_next in pairwise(times):
        alpha_next, beta_next = float(schedule.alpha(t_next)), float(schedule.beta(t_next))
        beta = float(schedule.beta(t))
        step = float(schedule.log_snr(t_next) - schedule.log_snr(t))
        clean = denoise(z, float(schedule.alpha(t)), beta)
        ahead = clean
        if previous is not None:
            ahead = clean + (clean - previous) * (0.5 * step / previous_step)
        # alpha_next (1 - e^-step), with e^-step = alpha beta_next / (alpha_next beta)
        gain = -alpha_next * float(torch.expm1(torch.tensor(-step, dtype=torch.float64)))
        z = (beta_next / beta) * z + gain * ahead
        previous, previous_step = clean, step
    return z


SOLVERS: dict[SolverName, Callable[[Denoiser, Tensor, NoiseSchedule, Tensor], Tensor]] = {
    "euler": euler,
    "heun": heun,
    "ddim": ddim,
    "dpmpp_2m": dpmpp_2m,
    "ab2": adams_bashforth_2,
}


def solve(
    denoise: Denoiser,
    z: Tensor,
    solver: SolverName,
    steps: int,
    schedule: NoiseSchedule,
) -> Tensor:
    """Integrate noise z ``(N, dim)`` to samples ``(N, dim)`` on the time grid of the schedule.

    Arguments:
        denoise: Denoiser, see this module's docstring.
        z: Standard normal noise, ``(N, dim)``.
        solver: Name of the ODE solver.
        steps: Number of steps.
        schedule: Schedule of the diffusion.
    """
    return SOLVERS[solver](denoise, z, schedule, schedule.times(steps, solver))
