"""Parts that all experiments share: a measurement as a row, the method's specification, and seeded draws."""

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
    """One measurement on one set of simulations.

    Arguments:
        experiment: Name of the experiment in ``results/published/exact_score_paper.csv``.
        config: Setting of the experiment, such as ``C5`` or ``c=0.25``.
        sampler: Name of the sampler: ``ode``, ``network``, ``exact`` (exact draws, whose score is that of a
            sampler without error), or ``none``.
        quantity: Name of the measured quantity.
        kde: Bandwidth rule of the kernel density estimate behind the value, or ``none``.
        number: Number of the independent set of simulations, from 0.
        value: Measured value.
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
    """Return the parameters of an exact-score method for the paper's variances, in physical units.

    The paper's kernel in x and its observation noise together act as one Gaussian with variance
    ``variance_x + variance_y``.

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
    """Return the seed of a fit to the set of simulations with this number."""
    return derive_seed("reproduce fit", experiment, variant, number)


def draw(posterior: Posterior, n: int, x: Tensor, *seed: str | int) -> Tensor:
    """Return posterior draws ``(n, dim_theta)`` on the CPU, with a seed derived from the words ``seed``."""
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed("reproduce draws", *seed))
        return posterior.sample((n,), x=x).cpu()
