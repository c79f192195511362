"""Prediction of what a cell costs, from costs of other cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from bench.metrics.calibration_pairs import NUM_SAMPLES
from bench.run.cell import Cell
from bench.run.costs import sampling_s
from bench.run.threads import cpu_count

__all__ = ["Cost", "CostModel", "through"]

SHORTEST = 1e-9  # seconds: shorter times count as this, because logarithms are taken
STEEPEST = 1.5  # exponent of a budget that extrapolation may use
# Exponents for times that are known at one number only: of the budget for a fit and a sample, of the number
# of samples for scoring.
BY_BUDGET, BY_SAMPLES = 0.5, 0.8
CLASSIFIERS = {"c2st", "c2st_es", "c2st_rf"}
REST = 0.1  # share of scoring that all other metrics take


@dataclass(frozen=True)
class Cost:
    """What a cell costs.

    Attributes:
        fit_and_sample_s: Seconds of one core for simulating, training and sampling.
        scoring_s: Seconds of one core for scoring, which is spread over threads.
    """

    fit_and_sample_s: float
    scoring_s: float

    def core_s(self, cell: Cell) -> float:
        """Return the core-seconds; several threads for training save no time, as its networks are small."""
        return self.fit_and_sample_s * cell.threads + self.scoring_s

    def wall_s(self, cell: Cell) -> float:
        """Return the seconds from the cell's start to its end on a machine with nothing else to do."""
        return self.fit_and_sample_s + self.scoring_s / min(cell.scoring_threads, _cores())


class CostModel:
    """Predicts costs from tables of costs, of which an earlier one is preferred.

    Each part of a cell is looked up for the same task, method and parameters; then for the same task and
    method; then for the method on other tasks, whose geometric mean is taken. Between budgets it is
    interpolated linearly in logarithms. Scoring depends on the task and the number of samples.

    Arguments:
        tables: Tables with the columns :data:`bench.run.costs.COSTS`, in seconds of this machine.
    """

    def __init__(self, tables: Sequence[pd.DataFrame]) -> None:
        self._tables = [table for table in tables if len(table)]
        # What many cells of a grid share.
        self._exponents: dict[str, float] = {}
        self._scores: dict[tuple[object, ...], float] = {}
        self._simulations: dict[tuple[str, int], float] = {}

    def cost(self, cell: Cell, params: str) -> Cost | None:
        """Return the cost of a cell without its simulations; None if there are no rows of its method.

        Arguments:
            cell: Cell, whose observations count.
            params: Parameters that differ from their defaults, as in the tables.
        """
        found = self._like(cell.task, method_name(cell), params)
        if found is None:
            return None
        exponent = self._exponent(method_name(cell))
        fit = _over_tasks(found, "num_simulations", "train_s", cell.num_simulations, exponent)
        per_sample = found.assign(each=found["sample_s"] / found["num_posterior_samples"].fillna(1).clip(1))
        one = cell.num_samples * _over_tasks(
            per_sample, "num_simulations", "each", cell.num_simulations, exponent
        )
        seconds = fit + len(cell.observations) * sampling_s(one)
        seconds += cell.calibration * one * NUM_SAMPLES / cell.num_samples
        return Cost(seconds, len(cell.observations) * self._scoring(cell))

    def _like(self, task: str, method: str, params: str) -> pd.DataFrame | None:
        wanted = {"task": task, "method": method, "params": params}
        for columns in (["task", "method", "params"], ["task", "method"], ["method", "params"], ["method"]):
            for table in self._tables:
                rows = table[np.logical_and.reduce([table[name] == wanted[name] for name in columns])]
                if len(rows):
                    return rows
        return None

    def _exponent(self, method: str) -> float:
        """Return the exponent of the budget in a method's training time, where two budgets tell it."""
        if method in self._exponents:
            return self._exponents[method]
        known = [
            slope
            for table in self._tables
            for _, rows in table[table["method"] == method].groupby(["task", "params"])
            for slope in _slopes(_points(rows, "num_simulations", "train_s"))
        ]
        self._exponents[method] = float(np.median(known)) if known else BY_BUDGET
        return self._exponents[method]

    def simulating_s(self, cell: Cell) -> float:
        """Return the seconds of the cell's simulations, 0 if nothing is known of its task."""
        key = (cell.task, cell.num_simulations)
        if key not in self._simulations:
            self._simulations[key] = self._simulating_anew(*key)
        return self._simulations[key]

    def _simulating_anew(self, task: str, num_simulations: int) -> float:
        for table in self._tables:
            rows = table[(table["task"] == task) & (table["simulate_s"] > 0)]
            if len(rows):
                return through(_points(rows, "num_simulations", "simulate_s"), num_simulations, 1.0)
        return 0.0

    def _scoring(self, cell: Cell) -> float:
        """Return the seconds to score one observation."""
        key = (cell.task, cell.num_samples, cell.metrics)
        if key not in self._scores:
            self._scores[key] = self._scoring_anew(cell)
        return self._scores[key]

    def _scoring_anew(self, cell: Cell) -> float:
        share = 1.0 if cell.metrics is None or CLASSIFIERS & set(cell.metrics) else REST
        every = [table[table["scoring_s"] > 0] for table in self._tables]
        for rows in [table[table["task"] == cell.task] for table in every] + every:
            if len(rows):
                return share * _over_tasks(
                    rows, "num_posterior_samples", "scoring_s", cell.num_samples, BY_SAMPLES
                )
        return 0.0


@cache
def _cores() -> int:
    return cpu_count()  # it looks into several files, and a grid may have a million cells


def method_name(cell: Cell) -> str:
    """Return the name of the cell's method without parameters."""
    return cell.method.partition("[")[0]


def through(points: Sequence[tuple[float, float]], at: float, exponent: float) -> float:
    """Return the time at a budget, on the line through known points in logarithms of both.

    Beyond the first and last point, the line goes on with the slope of its last piece, but neither downwards
    nor steeper than ``STEEPEST``.

    Arguments:
        points: Pairs of budget and seconds, in the order of budgets.
        at: Budget.
        exponent: Slope if there is one point only.

    Example:
        >>> round(through([(100, 1.0), (10_000, 100.0)], 1000, 0.5), 6)
        10.0
        >>> round(through([(100, 1.0)], 10_000, 0.5), 6)
        10.0
    """
    x, y = np.log([n for n, _ in points]), np.log([max(s, SHORTEST) for _, s in points])
    inside, slopes = float(np.clip(math.log(at), x[0], x[-1])), _slopes(points)
    slope = exponent if not slopes else slopes[0] if math.log(at) < x[0] else slopes[-1]
    beyond = (math.log(at) - inside) * min(max(slope, 0.0), STEEPEST)
    return float(np.exp(np.interp(inside, x, y) + beyond))


def _slopes(points: Sequence[tuple[float, float]]) -> list[float]:
    """Return the exponent between each two neighbouring points."""
    if len(points) < 2:
        return []
    x, y = np.log([n for n, _ in points]), np.log([max(s, SHORTEST) for _, s in points])
    return [float(slope) for slope in np.diff(y) / np.diff(x)]


def _points(rows: pd.DataFrame, number: str, seconds: str) -> list[tuple[float, float]]:
    medians = rows[rows[number] > 0].groupby(number)[seconds].median()
    known = zip(medians.index.astype(float), medians.astype(float), strict=True)
    return list(known) or [(1.0, float(rows[seconds].median()))]


def _over_tasks(rows: pd.DataFrame, number: str, seconds: str, at: float, exponent: float) -> float:
    """Return the geometric mean over tasks of the time at a number."""
    times = [through(_points(own, number, seconds), at, exponent) for _, own in rows.groupby("task")]
    return float(np.exp(np.mean(np.log(np.maximum(times, SHORTEST)))))
