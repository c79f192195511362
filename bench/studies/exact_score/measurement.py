"""What all experiments share: one figure as a row, the method's specification, seeded draws."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from methods import Posterior
from methods.diffusion.solvers import SolverName
from tasks.contract.seeding import derive_seed

__all__ = ["Measurement", "draw", "fit_seed", "kernel_spec"]


class Measurement(NamedTuple):
    """One figure of one set of simulations.

    Arguments:
        experiment: Experiment, as ``results/published/exact_score_paper.csv`` names it.
        config: Setting of the experiment, such as ``C5`` or ``c=0.25``.
        sampler: ``ode``, ``network``, or ``exact`` (exact draws: what the metric gives without any error).
        quantity: What was measured.
        kde: Bandwidth rule of the kernel density estimate that the figure went through, or ``none``.
        number: Which independent set of simulations.
        value: The figure.
    """

    experiment: str
    config: str
    sampler: str
    quantity: str
    kde: str
    number: int
    value: float


def kernel_spec(
    variance_theta: float, variance_x: float, variance_y: float, *, solver: SolverName, steps: int
) -> str:
    """Parameters of an exact-score method at the paper's variances, in physical units.

    The paper's kernel on x and its observation noise act as one Gaussian of variance ``variance_x +
    variance_y``.

    Example:
        >>> kernel_spec(0.04, 0.03, 0.06, solver="dpmpp_2m", steps=20)
        'bandwidth=manual,theta_bandwidth=0.2,x_bandwidth=0.3,standardize=false,solver=dpmpp_2m,steps=20'
    """
    h_theta, h_x = math.sqrt(variance_theta), math.sqrt(variance_x + variance_y)
    return (
        f"bandwidth=manual,theta_bandwidth={h_theta:.12g},x_bandwidth={h_x:.12g},"
        f"standardize=false,solver={solver},steps={steps}"
    )


def fit_seed(experiment: str, variant: str, number: int) -> int:
    """Seed of a fit, for a set of simulations by its number."""
    return derive_seed("reproduce fit", experiment, variant, number)


def draw(posterior: Posterior, n: int, x: Tensor, *seed: str | int) -> Tensor:
    """Posterior draws ``(n, dim_theta)`` on the CPU under a seed of their own."""
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed("reproduce draws", *seed))
        return posterior.sample((n,), x=x).cpu()
