"""The columns that metrics fill, and what becomes of a metric that fails."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from functools import partial

from torch import Tensor

from bench.metrics import (
    C2ST,
    MetricError,
    c2st_many,
    c2st_rf_many,
    gaussian_kl,
    gaussian_w2,
    inside_prior,
    marginal_kl,
    mmd2,
    outside_prior,
    ppc,
    sliced_w2,
)
from bench.metrics.c2st import SamplePair
from bench.metrics.marginal_kl import levels
from bench.results.schema import Row
from tasks import Task

__all__ = ["NUM_PREDICTIVE", "Scores", "c2st_columns", "checks", "distances", "failure"]

NUM_PREDICTIVE = 1000  # simulations for ppc: a median needs no more, and a simulator may be slow


def failure() -> Row:
    """The columns of the exception that is being handled."""
    return {"status": "error", "error": traceback.format_exc()}


class Scores:
    """Columns of one row as its metrics fill them; a metric that fails is null, with its reason kept.

    A row whose metric failed is a good row: fitting and sampling worked, and its other metrics count.
    """

    def __init__(self) -> None:
        self._values: Row = {}
        self._reasons: dict[str, str] = {}

    def add(self, metric: str, compute: Callable[[], object]) -> None:
        """Fill the column of a metric, or, where ``compute`` gives a dictionary, several columns."""
        try:
            value = compute()
        except Exception as error:
            self.fail(metric, reason(error))
            return
        self._values |= value if isinstance(value, dict) else {metric: value}

    def fail(self, metric: str, why: str) -> None:
        """Note that a metric has no value, and why."""
        self._reasons[metric] = why

    def copy(self) -> Scores:
        """Scores that begin with the same columns and reasons."""
        other = Scores()
        other._values, other._reasons = dict(self._values), dict(self._reasons)
        return other

    @property
    def row(self) -> Row:
        """The columns, ``metric_errors`` among them."""
        errors = json.dumps(self._reasons, sort_keys=True) if self._reasons else None
        return self._values | {"metric_errors": errors}


def reason(error: Exception) -> str:
    """An exception in one line; of the suite's own errors, which explain themselves, the message alone."""
    text = str(error) if isinstance(error, MetricError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())


def checks(scores: Scores, task: Task, num_observation: int, samples: Tensor, seed: int) -> None:
    """Add what needs no reference samples: the posterior predictive, distances from an exact posterior."""
    scores.add("outside_prior", lambda: outside_prior(task.prior(), samples))
    scores.add("ppc", lambda: _predictive(task, num_observation, samples, seed))
    scores.add("marginal_kl", lambda: _marginal(task, num_observation, samples))
    for name, distance in (("gaussian_kl", gaussian_kl), ("gaussian_w2", gaussian_w2)):
        scores.add(name, partial(_from_gaussian, distance, task, num_observation, samples))


def distances(scores: Scores, pair: SamplePair) -> None:
    """Add metrics of one observation that compare samples with the reference, C2STs excepted."""
    scores.add("mmd2", lambda: mmd2(*pair))
    scores.add("sliced_w2", lambda: sliced_w2(*pair))


def c2st_columns(scores: dict[int, Scores], pairs: dict[int, SamplePair], device: str) -> None:
    """Add the C2STs of all observations, whose classifiers of one kind are trained together.

    Arguments:
        scores: Of each observation.
        pairs: Reference and samples of each observation that has a reference.
        device: Where the networks are trained; forests are grown on the CPU.
    """
    tests: dict[str, Callable[[list[SamplePair]], list[C2ST]]] = {
        "c2st": partial(c2st_many, device=device),
        "c2st_es": partial(c2st_many, device=device, early_stopping=True),
        "c2st_rf": c2st_rf_many,
    }
    for name, test in tests.items():
        for k, result in _each(test, pairs).items():
            if isinstance(result, Exception):
                scores[k].fail(name, reason(result))
            else:
                scores[k].add(name, partial(_c2st_row, name, result))


def _c2st_row(name: str, result: C2ST) -> Row:
    return {name: result.mean} | ({"c2st_se": result.se} if name == "c2st" else {})


def _each(
    test: Callable[[list[SamplePair]], list[C2ST]], pairs: dict[int, SamplePair]
) -> dict[int, C2ST | Exception]:
    """The test of all pairs at once; if it fails, of each alone, to find the pair at fault."""
    try:
        return dict(zip(pairs, test(list(pairs.values())), strict=True))
    except Exception as error:
        if len(pairs) == 1:
            return dict.fromkeys(pairs, error)
    return {k: _each(test, {k: pair})[k] for k, pair in pairs.items()}


def _predictive(task: Task, num_observation: int, samples: Tensor, seed: int) -> float:
    inside = samples[inside_prior(task.prior(), samples)][:NUM_PREDICTIVE]
    if len(inside) == 0:
        raise MetricError("no sample lies in the prior's support")
    return ppc(task.simulate(inside, seed=seed), task.observation(num_observation))


def _marginal(task: Task, num_observation: int, samples: Tensor) -> float | None:
    quantiles = task.marginal_quantiles(num_observation, levels())
    return None if quantiles is None else marginal_kl(quantiles, samples)


def _from_gaussian(
    distance: Callable[..., float], task: Task, num_observation: int, samples: Tensor
) -> float | None:
    exact = task.gaussian_posterior(num_observation)
    return None if exact is None else distance(exact, samples)
