"""The samplers of reference posteriors and the samplers that check them, by name.

All of them use a task's own likelihood. Each reference is compared with a second, independent run: grids with
independence Metropolis, independence Metropolis and Hamiltonian Monte Carlo with themselves at another seed.
Hamiltonian Monte Carlo is not compared with independence Metropolis, because in many dimensions the latter
repeats its states, which a two-sample test detects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from tasks.reference.coordinates import PriorCoordinates
from tasks.reference.grid import in_parts, sample_on_grid
from tasks.reference.hmc import run_hmc
from tasks.reference.metropolis import CHAINS, KEPT, WARM_UP, log_mean_exp, sample_posterior
from tasks.reference.proposal import FITTED, LogDensity, Mixture, Pool
from tasks.tools.certified_task import CertifiedTask

__all__ = ["CHECKS", "HMC_THIN", "SAMPLERS", "HasGradient", "PriorDraws", "ReferenceRun"]

_Sampler = Callable[[CertifiedTask, PriorCoordinates, Tensor, Pool, int], "ReferenceRun"]

HMC_THIN = 5  # transitions per kept state in chains that are stored; chains of the check use 2
PROPOSALS = 5000  # importance samples for the evidence of a run of Hamiltonian Monte Carlo


@runtime_checkable
class HasGradient(Protocol):
    """A task with a gradient of its log likelihood, which Hamiltonian Monte Carlo needs."""

    def log_likelihood_gradient(self, theta: np.ndarray, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Log likelihood of theta ``(D,)`` given x ``(dim_x,)``, in nats, and its gradient ``(D,)``."""


class PriorDraws:
    """Draws from a task's prior with their signals, which the runs for all observations start from.

    Arguments:
        task: Task whose prior is drawn from.
        num: Number of draws.
        seed: Seed for the draws, in any form that ``numpy.random.default_rng`` accepts.
    """

    def __init__(self, task: CertifiedTask, num: int, seed: Any) -> None:
        self.coordinates = PriorCoordinates(task.prior())
        self._task = task
        self._u = np.random.default_rng(seed).standard_normal((num, self.coordinates.dim))
        self._signal = task.signal(self.coordinates.of_normal(self._u))

    def at(self, x_o: Tensor) -> Pool:
        """The draws, in normal coordinates of the prior, with log likelihoods given x_o ``(1, dim_x)``."""
        return Pool(self._u, self._task.log_likelihood_of(self._signal, x_o).numpy())


@dataclass(frozen=True)
class ReferenceRun:
    """Result of a sampler for one observation.

    Arguments:
        draws: Draws of theta, ``(CHAINS * KEPT, D)``, float64; draw i is of chain i modulo ``CHAINS``.
        figures: Statistics of the run for the certificate, such as the number of likelihood evaluations.
        log_evidence: Log evidence in nats.
        log_evidence_se: Standard error of ``log_evidence``.
    """

    draws: Tensor
    figures: dict[str, Any]
    log_evidence: float
    log_evidence_se: float


def _grid(
    task: CertifiedTask, coordinates: PriorCoordinates, x_o: Tensor, pool: Pool, seed: int
) -> ReferenceRun:
    def log_likelihood(v: np.ndarray) -> np.ndarray:
        return task.log_likelihood(coordinates.of_cube(v), x_o).numpy()

    grid = sample_on_grid(log_likelihood, coordinates.dim, CHAINS * KEPT, seed)
    figures = {
        "acceptance": round(grid.acceptance, 4),
        "num_cells": grid.num_cells,
        "num_solves": grid.num_evaluations,
    }
    return ReferenceRun(coordinates.of_cube(grid.draws), figures, grid.log_evidence, 0.0)


def _metropolis(
    task: CertifiedTask, coordinates: PriorCoordinates, x_o: Tensor, pool: Pool, seed: int
) -> ReferenceRun:
    def log_likelihood(u: np.ndarray) -> np.ndarray:
        return task.log_likelihood(coordinates.of_normal(u), x_o).numpy()

    likelihood = partial(in_parts, log_likelihood)
    run = sample_posterior(likelihood, np.ones(coordinates.dim), pool, seed, task.thin)
    u = run.draws.swapaxes(0, 1).reshape(CHAINS * KEPT, -1)
    figures = {"acceptance": round(run.acceptance, 4), "num_solves": run.num_solves}
    return ReferenceRun(coordinates.of_normal(u), figures, run.log_evidence, run.log_evidence_se)


def _hmc(
    task: CertifiedTask,
    coordinates: PriorCoordinates,
    x_o: Tensor,
    pool: Pool,
    seed: int,
    thin: int = HMC_THIN,
) -> ReferenceRun:
    if not isinstance(task, HasGradient):
        raise TypeError(f"task {task.name} has no log_likelihood_gradient")
    x = x_o[0].double().numpy()

    def log_density(u: np.ndarray) -> tuple[float, np.ndarray]:
        theta = coordinates.of_normal(u[None])[0].numpy()
        log_l, gradient = task.log_likelihood_gradient(theta, x)
        return log_l - 0.5 * float(u @ u), coordinates.slope(u) * gradient - u

    start = pool.theta[np.argmax(pool.log_likelihood - 0.5 * (pool.theta**2).sum(1))]
    run = run_hmc(log_density, start, num_chains=CHAINS, num_kept=KEPT, thin=thin, warm_up=WARM_UP, seed=seed)
    u = run.draws.swapaxes(0, 1).reshape(CHAINS * KEPT, -1)
    evidence = _evidence(lambda rows: task.log_likelihood(coordinates.of_normal(rows), x_o).numpy(), u, seed)
    figures = {"divergences": run.num_divergent, "num_solves": run.num_gradients + PROPOSALS}
    return ReferenceRun(coordinates.of_normal(u), figures, *evidence)


def _evidence(log_likelihood: LogDensity, u: np.ndarray, seed: int) -> tuple[float, float]:
    """Log evidence and its standard error, by importance sampling from a mixture fitted to draws u.

    The result is too small if the draws missed a mode.
    """
    ones, rng = np.ones(u.shape[1]), np.random.default_rng(seed)
    proposal = Mixture.fitted(u[:: max(1, len(u) // FITTED)], ones, seed)
    proposals = proposal.sample(PROPOSALS, rng)
    log_prior = Mixture.of_prior(ones).log_prob(proposals)
    return log_mean_exp(log_prior + log_likelihood(proposals) - proposal.log_prob(proposals))


SAMPLERS: dict[str, _Sampler] = {"grid": _grid, "metropolis": _metropolis, "hmc": _hmc}
CHECKS: dict[str, _Sampler] = {"grid": _metropolis, "metropolis": _metropolis, "hmc": partial(_hmc, thin=2)}
