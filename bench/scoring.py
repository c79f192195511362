"""The columns that metrics fill, and what becomes of a metric that fails."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from torch import Tensor

from bench.metrics import (
    MetricError,
    c2st_many,
    c2st_rf_many,
    gaussian_kl,
    gaussian_w2,
    inside_prior,
    marginal_kl,
    mmd2,
    ppc,
    sliced_w2,
)
from bench.metrics.marginal_kl import levels
from bench.store import Row
from tasks import Task

__all__ = ["NUM_PREDICTIVE", "Pair", "attempt", "c2st_columns", "checks", "distances", "failure"]

Pair = tuple[Tensor, Tensor]
NUM_PREDICTIVE = 1000  # simulations for ppc: a median needs no more, and a simulator may be slow


def failure() -> Row:
    """The columns of the exception that is being handled."""
    return {"status": "error", "error": traceback.format_exc()}


def attempt(columns: Callable[[], Row]) -> Row:
    """The columns, or those of the failure; what other metrics gave is kept beside it."""
    try:
        return columns()
    except Exception:
        return failure()


def checks(task: Task, num_observation: int, samples: Tensor, seed: int) -> Row:
    """What needs no reference samples: the posterior predictive, and distances from an exact posterior."""
    inside = samples[inside_prior(task.prior(), samples)][:NUM_PREDICTIVE]
    if len(inside) == 0:
        raise MetricError("ppc: no sample lies in the prior's support")
    row: Row = {"ppc": ppc(task.simulate(inside, seed=seed), task.observation(num_observation))}
    quantiles = task.marginal_quantiles(num_observation, levels())
    if quantiles is not None:
        row["marginal_kl"] = marginal_kl(quantiles, samples)
    exact = task.gaussian_posterior(num_observation)
    if exact is not None:
        row |= {"gaussian_kl": gaussian_kl(exact, samples), "gaussian_w2": gaussian_w2(exact, samples)}
    return row


def distances(reference: Tensor, samples: Tensor) -> Row:
    """Metrics of one observation, c2st excepted."""
    return {"mmd2": mmd2(reference, samples), "sliced_w2": sliced_w2(reference, samples)}


def c2st_columns(pairs: dict[int, Pair], device: str) -> dict[int, Row]:
    """The C2ST columns of all observations, whose classifiers are trained together."""
    every = list(pairs.values())
    try:
        plain = c2st_many(every, device=device)
        stopped = c2st_many(every, device=device, early_stopping=True)
        forest = c2st_rf_many(every)
    except Exception:
        return dict.fromkeys(pairs, failure())
    columns = (
        {"c2st": one.mean, "c2st_se": one.se, "c2st_es": other.mean, "c2st_rf": trees.mean}
        for one, other, trees in zip(plain, stopped, forest, strict=True)
    )
    return dict(zip(pairs, columns, strict=True))
