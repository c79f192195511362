"""Mean and spread of each task, method and budget, and which of them are best."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from bench.results.ends_of_scale import FLOOR
from bench.results.figures.figure import POINT
from bench.results.tables.metric_values import PAIR, MetricValues
from bench.results.tables.spread import Interval, spread, within_noise

__all__ = ["Estimate", "Key", "estimates"]

Key = tuple[str, str, int]  # task, method, num_simulations


@dataclass(frozen=True)
class Estimate:
    """One cell of a pivot.

    Attributes:
        mean: Mean over observations and seeds; NaN if all rows failed.
        spread: What stands behind ±; NaN for less than two values, or if none is wanted.
        num: Number of values.
        failed: Number of failed rows, which the mean leaves out.
        best: Whether its mean is the best of its task and budget.
        close: Whether it cannot be told from the best.
        source: Publication that it comes from; empty for rows of the directory.
    """

    mean: float
    spread: float = math.nan
    num: int = 0
    failed: int = 0
    best: bool = False
    close: bool = False
    source: str = ""


def estimates(values: MetricValues, interval: Interval) -> dict[Key, Estimate]:
    """Return the estimate of each task, method and budget that has rows.

    ``reference``, the noise floor, is neither best nor compared with the best.
    """
    groups = values.values.groupby(POINT)["value"]
    table = pd.DataFrame({"mean": groups.mean(), "sd": groups.std(), "num": groups.size()})
    best, close = _leaders(values)
    found = {}
    for record in table.reset_index().to_dict("records"):
        key = (str(record["task"]), str(record["method"]), int(record["num_simulations"]))
        num = int(record["num"])
        found[key] = Estimate(
            mean=float(record["mean"]),
            spread=spread(float(record["sd"]), num, interval),
            num=num,
            failed=values.failed.get(key, 0),
            best=key in best,
            close=key in close,
        )
    lost = {key: Estimate(math.nan, failed=number) for key, number in values.failed.items()}
    return lost | found


def _worse_by(values: MetricValues, of_method: pd.DataFrame, of_best: pd.DataFrame) -> pd.Series:
    """Return by how much a method is worse than another, for each observation and seed that both have."""
    one, other = (frame.set_index(PAIR)["value"] for frame in (of_method, of_best))
    difference = (one - other.reindex(one.index)).dropna()
    return difference if values.better == "lower" else -difference


def _leaders(values: MetricValues) -> tuple[set[Key], set[Key]]:
    """Return the best of each task and budget, and those that cannot be told from it."""
    best, close = set(), set()
    frame = values.values[values.values["method"] != FLOOR]
    for (task, budget), group in frame.groupby(["task", "num_simulations"]):
        methods = {str(method): of_method for method, of_method in group.groupby("method")}
        if len(methods) < 2:
            continue
        means = {method: float(of_method["value"].mean()) for method, of_method in methods.items()}
        leader = (min if values.better == "lower" else max)(means, key=means.__getitem__)
        for method, of_method in methods.items():
            key = (str(task), method, int(str(budget)))
            if means[method] == means[leader]:
                best.add(key)
            elif within_noise(_worse_by(values, of_method, methods[leader])):
                close.add(key)
    return best, close
