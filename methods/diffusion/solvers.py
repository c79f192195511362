"""Probability-flow ODE solvers: pure functions ``(denoise, z, schedule, times) -> z``.

``denoise(z, alpha, beta)`` is the mean of the clean sample given the noisy z. Written with it and with
the noise estimate e = (z - alpha x0) / beta, the ODE of a diffusion Z_t = alpha Z_0 + beta noise is

    dz/dt = alpha'(t) x0 + beta'(t) e,

which equals b z - sigma² s / 2 with b = alpha'/alpha, sigma² = (beta²)' - 2 b beta² and score s = -e/beta.
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
    """Scales of signal and noise, their slopes, and the times that a solver goes through."""

    def alpha(self, t: Tensor) -> Tensor:
        """Signal scale."""

    def beta(self, t: Tensor) -> Tensor:
        """Noise standard deviation."""

    def alpha_slope(self, t: Tensor) -> Tensor:
        """The derivative dalpha / dt."""

    def beta_slope(self, t: Tensor) -> Tensor:
        """The derivative dbeta / dt."""

    def log_snr(self, t: Tensor) -> Tensor:
        """Log(alpha / beta)."""

    def times(self, steps: int, solver: str) -> Tensor:
        """``steps + 1`` times, from pure noise to none."""


def _slope(denoise: Denoiser, z: Tensor, schedule: NoiseSchedule, t: Tensor) -> Tensor:
    """Dz / dt."""
    alpha, beta = float(schedule.alpha(t)), float(schedule.beta(t))
    clean = denoise(z, alpha, beta)
    noise = (z - alpha * clean) / beta
    return float(schedule.alpha_slope(t)) * clean + float(schedule.beta_slope(t)) * noise


def euler(denoise: Denoiser, z: Tensor, schedule: NoiseSchedule, times: Tensor) -> Tensor:
    """Explicit Euler in t, as the paper has it (1000 uniform steps there). First order."""
    for t, t_next in pairwise(times):
        z = z + float(t_next - t) * _slope(denoise, z, schedule, t)
    return z


def heun(denoise: Denoiser, z: Tensor, schedule: NoiseSchedule, times: Tensor) -> Tensor:
    """Heun's method in t, two evaluations a step; the last step, to no noise, is Euler's. Second order.

    Reference: Karras et al.: Elucidating the design space of diffusion-based generative models, 2022.
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
    """Two-step Adams-Bashforth in t with variable steps, one evaluation a step. Second order."""
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
    """Exponential integrator of first order in log-SNR.

    Reference: Song, Meng, Ermon: Denoising diffusion implicit models, ICLR 2021.
    """
    for t, t_next in pairwise(times):
        alpha, beta = float(schedule.alpha(t)), float(schedule.beta(t))
        clean = denoise(z, alpha, beta)
        noise = (z - alpha * clean) / beta
        z = float(schedule.alpha(t_next)) * clean + float(schedule.beta(t_next)) * noise
    return z


def dpmpp_2m(denoise: Denoiser, z: Tensor, schedule: NoiseSchedule, times: Tensor) -> Tensor:
    """Exponential integrator of second order, two-step: one evaluation a step like :func:`ddim`.

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
    until: float = 0.0,
) -> Tensor:
    """Carry noise z ``(N, dim)`` to samples on the grid that the schedule has for the solver.

    With ``until`` only as far as the time of the grid that is nearest to it.
    """
    times = schedule.times(steps, solver)
    if until > 0.0:
        times = times[: int((times - until).abs().argmin()) + 1]
    return SOLVERS[solver](denoise, z, schedule, times)
