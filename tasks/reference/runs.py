"""The samplers of reference posteriors, each on a task's own likelihood, and what checks them, by name.

A grid is checked by independence Metropolis, this by another run of itself, and so is Hamiltonian Monte
Carlo: in many dimensions independence Metropolis repeats its states, which a two-sample test finds.
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

HMC_THIN = 5  # of chains that are stored; a check keeps every second state
PROPOSALS = 5000  # for the evidence beside Hamiltonian Monte Carlo


@runtime_checkable
class HasGradient(Protocol):
    """What Hamiltonian Monte Carlo needs of a task."""

    def log_likelihood_gradient(self, theta: np.ndarray, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Log likelihood of theta ``(D,)`` at x ``(dim_x,)``, nats, and its gradient ``(D,)``."""


class PriorDraws:
    """Draws of a task's prior with their signals, to begin from at any observation.

    Arguments:
        task: Whose.
        num: Draws.
        seed: Of them; anything that numpy takes.
    """

    def __init__(self, task: CertifiedTask, num: int, seed: Any) -> None:
        self.coordinates = PriorCoordinates(task.prior())
        self._task = task
        self._u = np.random.default_rng(seed).standard_normal((num, self.coordinates.dim))
        self._signal = task.signal(self.coordinates.of_normal(self._u))

    def at(self, x_o: Tensor) -> Pool:
        """The draws, in the prior's normal coordinates, with their likelihoods of ``x_o`` ``(1, dim_x)``."""
        return Pool(self._u, self._task.log_likelihood_of(self._signal, x_o).numpy())


@dataclass(frozen=True)
class ReferenceRun:
    """What a sampler gives.

    Arguments:
        draws: ``(CHAINS * KEPT, D)``, float64; draw i is of chain i modulo ``CHAINS``.
        figures: How it went.
        log_evidence: Nats.
        log_evidence_se: Its standard error.
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
    """Log evidence and its error by importance sampling around draws: too low where a mode was missed."""
    ones, rng = np.ones(u.shape[1]), np.random.default_rng(seed)
    proposal = Mixture.fitted(u[:: max(1, len(u) // FITTED)], ones, seed)
    proposals = proposal.sample(PROPOSALS, rng)
    log_prior = Mixture.of_prior(ones).log_prob(proposals)
    return log_mean_exp(log_prior + log_likelihood(proposals) - proposal.log_prob(proposals))


SAMPLERS: dict[str, _Sampler] = {"grid": _grid, "metropolis": _metropolis, "hmc": _hmc}
CHECKS: dict[str, _Sampler] = {"grid": _metropolis, "metropolis": _metropolis, "hmc": partial(_hmc, thin=2)}
