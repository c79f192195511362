"""Probability-flow ODE solvers: pure functions ``(denoise, z, schedule, times) -> z``.

``denoise(z, alpha, beta)`` is the mean of the clean sample given the noisy z. Written with it and with
the noise estimate e = (z - alpha x0) / beta, the ODE of a diffusion Z_t = alpha Z_0 + beta noise is

    dz/dt = alpha'(t) x0 + beta'(t) e,

which equals b z - sigma² s / 2 with b = alpha'/alpha, sigma² = (beta²)' - 2 b beta² and score s = -e/beta.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from methods.exact_score.schedule import Schedule

__all__ = ["SOLVERS", "Denoiser", "SolverName", "ddim", "dpmpp_2m", "euler", "solve"]

Denoiser = Callable[[Tensor, float, float], Tensor]
SolverName = Literal["euler", "ddim", "dpmpp_2m"]


def euler(denoise: Denoiser, z: Tensor, schedule: Schedule, times: Tensor) -> Tensor:
    """Explicit Euler in t, as the paper has it (1000 uniform steps there). First order."""
    for t, t_next in pairwise(times):
        alpha, beta = float(schedule.alpha(t)), float(schedule.beta(t))
        clean = denoise(z, alpha, beta)
        noise = (z - alpha * clean) / beta
        slope = float(schedule.alpha_slope(t)) * clean + float(schedule.beta_slope(t)) * noise
        z = z + float(t_next - t) * slope
    return z


def ddim(denoise: Denoiser, z: Tensor, schedule: Schedule, times: Tensor) -> Tensor:
    """Exponential integrator of first order in log-SNR.

    Reference: Song, Meng, Ermon: Denoising diffusion implicit models, ICLR 2021.
    """
    for t, t_next in pairwise(times):
        alpha, beta = float(schedule.alpha(t)), float(schedule.beta(t))
        clean = denoise(z, alpha, beta)
        noise = (z - alpha * clean) / beta
        z = float(schedule.alpha(t_next)) * clean + float(schedule.beta(t_next)) * noise
    return z


def dpmpp_2m(denoise: Denoiser, z: Tensor, schedule: Schedule, times: Tensor) -> Tensor:
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


SOLVERS: dict[SolverName, Callable[[Denoiser, Tensor, Schedule, Tensor], Tensor]] = {
    "euler": euler,
    "ddim": ddim,
    "dpmpp_2m": dpmpp_2m,
}


def solve(denoise: Denoiser, z: Tensor, solver: SolverName, steps: int, schedule: Schedule) -> Tensor:
    """Carry z from t = 1 to t = 0 on the solver's own grid: uniform in t for Euler, else in log-SNR."""
    times = schedule.uniform_times(steps) if solver == "euler" else schedule.log_snr_times(steps)
    return SOLVERS[solver](denoise, z, schedule, times)
