"""Ranks of methods over tasks, and the Pareto front of accuracy and sampling time."""

from __future__ import annotations

import pandas as pd

from bench.errors import UsageError
from bench.report.grid_table import Cell, GridTable
from bench.report.questions import main_metric
from bench.results.ends_of_scale import SCALE
from bench.results.figures.accuracy_by_time import seconds_per_batch
from bench.results.figures.figure import POINT
from bench.results.selection import select, times_of_one_kind
from bench.results.style_file import Style
from bench.results.tables.metric_values import MetricValues, metric_values
from bench.results.tables.rank_statistics import Ranks, rank_methods
from bench.results.tables.rank_tables import rank_table

__all__ = ["pareto_front", "ranks_by_budget"]

Front = dict[tuple[str, int], tuple[int, int]]  # method and budget: tasks on the front, tasks with a time


def ranks_by_budget(rows: pd.DataFrame, *, all_versions: bool = False) -> tuple[list[GridTable], list[str]]:
    """Return a table of ranks for each budget that has ranks, and one line for each that has none.

    The ranks are those of ``scorebench table --ranks``. One more column says on how many tasks a method is
    on the Pareto front of accuracy and sampling time.

    Arguments:
        rows: Rows as :meth:`bench.results.store.Store.read` returns them.
        all_versions: Whether older versions are ranked too.
    """
    good = rows[rows["status"] == "ok"]
    metric = main_metric(good)
    if metric is None:
        return [], ["no row has a value of a metric of accuracy"]
    try:
        values = metric_values(rows, metric, all_versions=all_versions)
    except UsageError as error:
        return [], [str(error)]
    fronts = _fronts(values, select(good, all_versions=all_versions))
    tables, lines = [], []
    for budget in values.budgets:
        try:
            ranks = rank_methods(values, budget, tests=False)
        except UsageError as error:
            lines.append(str(error))
        else:
            tables.append(_grid(values, ranks, fronts))
    return tables, lines


def pareto_front(points: pd.DataFrame, lower: bool = True) -> set[str]:
    """Return the methods that no other method beats in both accuracy and time.

    Arguments:
        points: Columns ``method``, ``value`` and ``seconds``.
        lower: Whether lower values are better.

    Example:
        >>> points = pd.DataFrame({"method": ["a", "b", "c"], "value": [0.5, 0.6, 0.7], "seconds": [3, 1, 2]})
        >>> sorted(pareto_front(points))
        ['a', 'b']
    """
    front = set()
    values = points["value"] if lower else -points["value"]
    for method, value, seconds in zip(points["method"], values, points["seconds"], strict=True):
        no_worse = (values <= value) & (points["seconds"] <= seconds)
        better = (values < value) | (points["seconds"] < seconds)
        if not (no_worse & better).any():
            front.add(str(method))
    return front


def _fronts(values: MetricValues, good: pd.DataFrame) -> Front:
    """Return on how many tasks each method is on the front, and on how many it has a time."""
    clocked, _ = times_of_one_kind(
        good.assign(seconds=seconds_per_batch(good)).dropna(subset="seconds"), POINT
    )
    seconds = clocked.groupby(POINT, as_index=False)["seconds"].median()
    means = values.values.groupby(POINT, as_index=False)["value"].mean()
    points = means[~means["method"].isin(SCALE)].merge(seconds, on=POINT)
    found: Front = {}
    for (_, budget), here in points.groupby(["task", "num_simulations"]):
        front = pareto_front(here, values.better == "lower")
        for method in here["method"]:
            key = str(method), int(budget)
            first, timed = found.get(key, (0, 0))
            found[key] = first + (method in front), timed + 1
    return found


def _grid(values: MetricValues, ranks: Ranks, fronts: Front) -> GridTable:
    """Return the table of ranks with a column for the front."""
    table = rank_table(values, ranks, Style())
    lines = []
    for method, (name, rank, *rest) in zip(ranks.table.index, table.groups[0][1], strict=True):
        is_first = ranks.table.loc[method, "mean_rank"] == ranks.table["mean_rank"].min()
        first, timed = fronts.get((str(method), ranks.budget), (0, 0))
        others = [Cell(entry.text) for entry in rest]
        lines.append(
            [Cell(name.text), Cell(rank.text, best=bool(is_first)), *others, Cell(f"{first} of {timed}")]
        )
    on_front = (
        "On the front: number of tasks on which no other method is both more accurate and faster to sample."
    )
    return GridTable(
        f"Ranks by mean {values.metric}, {table.groups[0][0]}",
        [*table.head, "on the front"],
        {"": lines},
        notes=[*table.notes, on_front, "scorebench table --ranks adds a test for each pair of methods."],
    )
