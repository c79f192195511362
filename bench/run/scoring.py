"""Scoring: columns of rows as metrics fill them, and what becomes of a metric that fails."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from bench.metrics import CalibrationMetric, Draws, Metric, MetricError, Score, metrics
from bench.metrics.calibration_pairs import calibration_pairs
from bench.results.schema import Row
from methods import Posterior
from tasks import Task

__all__ = ["Scores", "failure", "score_calibration", "score_draws"]


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

    def add(self, metric: type[Metric | CalibrationMetric], score: Score | Exception) -> None:
        """Fill the columns of a metric from its score, or note why it has none."""
        try:
            if isinstance(score, Exception):
                raise score
            self._values |= metric.row(score)
        except Exception as error:
            self.fail(metric.name, error)

    def set(self, **values: object) -> None:
        """Fill columns that belong to no metric."""
        self._values |= values

    def fail(self, what: str, error: Exception) -> None:
        """Note that a metric, or what several share, has no value, and why."""
        self._reasons[what] = reason(error)

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


def score_draws(
    draws: Mapping[int, Draws],
    scores: Mapping[int, Scores],
    seed: Callable[[str, int], int],
    *,
    parallel: bool,
) -> None:
    """Add metrics of posterior samples to the scores of their observations.

    Arguments:
        draws: Posterior samples of each observation.
        scores: Scores of each observation, filled in place.
        seed: Seed of a metric, by name, for an observation.
        parallel: Whether to add the metrics that are the same on any number of threads, or the others.
    """
    for name, cls in metrics().items():
        if not issubclass(cls, Metric) or cls.parallel != parallel:
            continue
        able = {k: _for(cls, one, seed(name, k)) for k, one in draws.items() if _has_all(cls, one)}
        for k, score in _scored(cls, able).items():
            scores[k].add(cls, score)


def score_calibration(scores: Scores, task: Task, posterior: Posterior, num_pairs: int, seed: int) -> None:
    """Add the calibration metrics of an amortized posterior, see :func:`calibration_pairs`."""
    try:
        with calibration_pairs(task, posterior, num_pairs, seed) as pairs:
            scores.set(num_calibration_finite=len(pairs.theta))
            for cls in metrics().values():
                if issubclass(cls, CalibrationMetric):
                    scores.add(cls, _result(partial(cls().score, pairs)))
    except Exception as error:
        scores.fail("calibration", error)


def _has_all(metric: type[Metric], draws: Draws) -> bool:
    likelihood = type(draws.task).log_likelihood is not Task.log_likelihood
    there = {"reference": draws.reference is not None, "likelihood": likelihood}
    return all(there.get(need, False) for need in metric.needs)


def _for(metric: type[Metric], draws: Draws, seed: int) -> Draws:
    """What a metric gets: with a reference, equal numbers of both, as sbibm compares them."""
    if "reference" not in metric.needs or draws.reference is None:
        return replace(draws, seed=seed)
    size = min(len(draws.reference), len(draws.samples))
    return replace(draws, seed=seed, reference=draws.reference[:size], samples=draws.samples[:size])


def _scored(metric: type[Metric], draws: Mapping[int, Draws]) -> dict[int, Score | Exception]:
    """The score of each observation; a plug-in's metric may raise anywhere, or leave observations out."""
    found = _result(lambda: metric().score_all(draws))
    if isinstance(found, Exception):
        return dict.fromkeys(draws, found)
    missing = MetricError(f"{metric.name} returned no score for this observation")
    return {k: found.get(k, missing) for k in draws}


def _result(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        return error
