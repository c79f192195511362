"""Scoring: columns of rows as metrics fill them, and what becomes of a metric that fails.

A metric may simulate at posterior samples. Simulations are counted, and a slow simulator makes fewer.
"""

from __future__ import annotations

import copy
import json
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bench.answers.checked_task import AnswerError
from bench.metrics import CalibrationMetric, Draws, Metric, MetricError, Score, metrics
from bench.metrics.calibration_pairs import calibration_pairs
from bench.metrics.metric import NUM_PREDICTIVE, BaseMetric
from bench.results.schema import Row
from bench.run import inside_worker
from bench.run.cell import Cell
from bench.run.simulation_cache import Simulations
from methods import Posterior
from methods.contract.priors import PriorError
from tasks import Task

__all__ = ["Predictive", "Scores", "failure", "score_calibration", "score_draws"]

LONGEST_ERROR = 20_000  # characters of a traceback, whose message may hold a whole array
SECONDS = 30.0  # predicted time of an observation's simulations above which there are fewer
FEWEST = 50  # simulations for an observation, however slow
WORTH_A_LINE = 5.0  # seconds for an observation's simulations that the user is told of
ENOUGH = 50  # simulations whose time predicts that of others; a call may have a cost of its own


def failure(error: BaseException | None = None) -> Row:
    """The columns of the exception being handled: one line if it explains itself, else a traceback."""
    if isinstance(error, AnswerError | PriorError | MetricError):
        return {"status": "error", "error": f"{type(error).__name__}: {error}"}
    text = traceback.format_exc()
    if len(text) > LONGEST_ERROR:
        half = LONGEST_ERROR // 2
        text = f"{text[:half]}\n…\n{text[-half:]}"
    return {"status": "error", "error": text}


class Predictive:
    """Simulations that metrics make at posterior samples: how many, and what the user is told about them.

    Up to :data:`bench.metrics.metric.NUM_PREDICTIVE` simulations are made for each observation; fewer, but at
    least ``FEWEST``, if the simulator would take more than ``SECONDS`` for them.

    Arguments:
        task: Task of the cell.
        data: Training data of the cell. If they were simulated just now, their time is used; otherwise ten
            more simulations of a slow simulator, and two of a fast one, are made. None if no metric of the
            suite simulates: the simulator is not timed then.
        seed: Seed for these simulations.

    Attributes:
        number: Largest number of simulations for an observation.
        line: One line for the user if the simulator is slow, else empty.
    """

    @classmethod
    def of_cell(cls, task: Task, data: Simulations | None, cell: Cell) -> Predictive:
        """Return those of a cell, with the seed that all cells of its numbers have for this purpose."""
        return cls(task, data, cell.seed_for("time of a simulation"))

    def __init__(self, task: Task, data: Simulations | None, seed: int) -> None:
        self._task = task
        each = 0.0 if data is None else _seconds_each(task, data, seed)
        most = NUM_PREDICTIVE
        self.number = most if each * most <= SECONDS else min(most, max(FEWEST, int(SECONDS / each)))
        self.line = ""
        if each * most > WORTH_A_LINE:
            instead = "" if self.number == most else f" instead of {most}"
            self.line = (
                f"{task.name}: {each:.2g} s for each simulation; ppc makes {self.number}{instead} at each "
                f"observation, about {each * self.number:.0f} s (--metrics leaves ppc out)"
            )

    def counting(self) -> Task:
        """Return the task as one that counts simulations, see :meth:`made`."""
        task = copy.copy(self._task)
        task.simulate = _Counted(self._task)  # type: ignore[method-assign]
        task.observation = self._task.observation  # type: ignore[method-assign]  # it may simulate, uncounted
        return task

    @staticmethod
    def made(task: Task) -> int:
        """Return the number of simulations that a task of :meth:`counting` has made."""
        return task.simulate.number  # type: ignore[attr-defined]


class _Counted:
    """The simulator of a task, which counts. It is no closure, because a simulator may pickle its task."""

    def __init__(self, task: Task) -> None:
        self._task, self.number = task, 0

    def __call__(self, theta: Tensor, *args: Any, **options: Any) -> Tensor:
        self.number += len(theta)
        return self._task.simulate(theta, *args, **options)


def _seconds_each(task: Task, data: Simulations, seed: int) -> float:
    """Return the seconds for each further simulation; 0 if none could be made."""
    if data.seconds is not None and len(data.theta) + data.num_failed >= ENOUGH:
        return data.seconds / (len(data.theta) + data.num_failed)
    times: dict[int, float] = {}
    with suppress(Exception), torch.random.fork_rng(devices=[]):
        for number in (2, 8):
            theta = data.theta[torch.arange(number) % len(data.theta)]
            start = time.perf_counter()
            task.simulate(theta, seed=seed)
            times[number] = time.perf_counter() - start
            if times[number] / number * NUM_PREDICTIVE <= WORTH_A_LINE:
                break
    if 8 in times:  # a call's own cost is in both
        return max(0.0, (times[8] - times[2]) / 6)
    return times.get(2, 0.0) / 2


class Scores:
    """Columns of one row as its metrics fill them; a metric that fails is null, with its reason kept.

    A row whose metric failed is a good row: fitting and sampling worked, and its other metrics count.
    """

    def __init__(self) -> None:
        self._values: Row = {}
        self._reasons: dict[str, str] = {}

    def add(self, metric: type[Metric | CalibrationMetric], score: Score | BaseException) -> None:
        """Fill the columns of a metric from its score, or note why it has none."""
        if isinstance(score, BaseException):
            self.fail(metric.name, score)
            return
        values = _result(lambda: metric.row(score))
        if isinstance(values, BaseException):
            self.fail(metric.name, values)
        else:
            self._values |= values

    def set(self, **values: object) -> None:
        """Fill columns that belong to no metric."""
        self._values |= values

    def fail(self, what: str, error: BaseException) -> None:
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


def reason(error: BaseException) -> str:
    """An exception in one line; of the suite's own errors, which explain themselves, the message alone."""
    message = _result(lambda: str(error))
    if not isinstance(message, str):
        message = f"(no message: {type(message).__name__})"
    text = message if isinstance(error, MetricError) else f"{type(error).__name__}: {message}"
    return " ".join(text.split())[:LONGEST_ERROR]


def score_draws(
    draws: Mapping[int, Draws],
    scores: Mapping[int, Scores],
    seed: Callable[[str, int], int],
    *,
    parallel: bool,
    chosen: Collection[str] | None = None,
    after: Callable[[], None] = lambda: None,
) -> None:
    """Add metrics of posterior samples to the scores of their observations.

    Arguments:
        draws: Posterior samples of each observation.
        scores: Scores of each observation, filled in place.
        seed: Seed of a metric, by name, for an observation.
        parallel: Whether to add the metrics that are the same on any number of threads, or the others.
        chosen: Names of the metrics to add; all by default.
        after: Function that is called after each metric, to change back what it left changed.
    """
    for name, cls in _chosen(chosen):
        if not issubclass(cls, Metric) or cls.parallel != parallel:
            continue
        able = {k: _for(cls, one, seed(name, k)) for k, one in draws.items() if _has_all(cls, one)}
        for k, score in _scored(cls, able).items():
            scores[k].add(cls, score)
        after()


def score_calibration(
    scores: Scores,
    task: Task,
    posterior: Posterior,
    num_pairs: int,
    seed: int,
    chosen: Collection[str] | None = None,
) -> None:
    """Add the calibration metrics of an amortized posterior, see :func:`calibration_pairs`.

    Arguments:
        scores: Scores to fill in place.
        task: Task whose prior and simulator give the pairs.
        posterior: Posterior to calibrate.
        num_pairs: Number of pairs.
        seed: Seed of the cell.
        chosen: Names of the metrics to add; all by default. Without one of calibration, nothing is done.
    """
    found = [cls for _, cls in _chosen(chosen) if issubclass(cls, CalibrationMetric)]

    def add() -> None:
        with calibration_pairs(task, posterior, num_pairs, seed) as pairs:
            scores.set(num_calibration_finite=len(pairs.theta))
            for cls in found:
                scores.add(cls, _result(partial(cls().score, pairs)))

    failed = _result(add) if found else None
    if failed is not None:
        scores.fail("calibration", failed)


def _chosen(names: Collection[str] | None) -> Iterator[tuple[str, type[BaseMetric]]]:
    for name, cls in metrics().items():
        if names is None or name in names:
            yield name, cls


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


def _scored(metric: type[Metric], draws: Mapping[int, Draws]) -> dict[int, Score | BaseException]:
    """The score of each observation; a plug-in's metric may raise anywhere, or leave observations out."""
    found = _result(lambda: metric().score_all(draws))
    if isinstance(found, BaseException):
        return dict.fromkeys(draws, found)
    missing = MetricError(f"{metric.name} returned no score for this observation")
    return {k: found.get(k, missing) for k in draws}


def _result(call: Callable[[], Any]) -> Any:
    """Return the result of a call, or what it raised."""
    try:
        return call()
    except BaseException as error:
        if inside_worker.ends_run(error):
            raise
        if not isinstance(error, Exception):  # such as SystemExit: the process may be about to end
            inside_worker.retire()
        return error
