"""Ranks of methods over tasks, and the Pareto front of accuracy and sampling time."""

from __future__ import annotations

import pandas as pd

from bench.metrics import BUILT_IN
from bench.report.grid_table import Cell, GridTable, number, simulations
from bench.report.questions import main_metric, seconds_per_samples
from bench.results.figures.figure import FLOOR
from bench.results.selection import of_one_size, times_of_one_kind

__all__ = ["pareto_front", "rank_table"]

POINT = ["task", "num_simulations", "method"]


def rank_table(good: pd.DataFrame) -> GridTable | None:
    """Return the mean rank of each method at each budget, and on how many tasks it is on the Pareto front.

    Ranks are over the tasks on which all methods of the budget have rows; others are named below the table.

    Arguments:
        good: Rows with status ok, with labels as :func:`bench.results.selection.select` gives them.

    Returns:
        None if no row has a metric of accuracy, or there is only one method.
    """
    metric = main_metric(good)
    rows = good[good["method"] != FLOOR]
    if metric is None or rows["method"].nunique() < 2:
        return None
    rows = of_one_size(rows.dropna(subset=metric), POINT)
    lower = BUILT_IN[metric].better == "lower"
    means = rows.groupby(POINT)[metric].mean()
    clocked, _ = times_of_one_kind(seconds_per_samples(rows).dropna(subset="seconds"), POINT)
    points = pd.DataFrame({"value": means, "seconds": clocked.groupby(POINT)["seconds"].median()})
    groups: dict[str, list[list[Cell]]] = {}
    notes = []
    for budget, here in points.groupby(level="num_simulations"):
        size = simulations(budget)
        table = here["value"].droplevel("num_simulations").unstack("method")
        complete = table.dropna()
        if len(complete) < len(table):
            gone = ", ".join(map(str, table.index.difference(complete.index)))
            notes.append(f"At {size}, ranks leave out tasks that not all methods ran: {gone}.")
        ranks = complete.rank(axis=1, ascending=lower)
        clear = here.droplevel("num_simulations").dropna()
        fronts = [pareto_front(group, lower) for _, group in clear.groupby(level="task")]
        lines = []
        for method in ranks.mean().sort_values(kind="stable").index if len(ranks) else table.columns:
            timed = sum(
                method in group.index.get_level_values("method") for _, group in clear.groupby("task")
            )
            mean = ranks[method].mean() if len(ranks) else float("nan")
            lines.append(
                [
                    Cell(str(method)),
                    Cell(number(mean, 2), best=len(ranks) > 0 and mean == ranks.mean().min()),
                    Cell(f"{int((ranks[method] == ranks.min(axis=1)).sum())} of {len(ranks)}"),
                    Cell(f"{sum(method in front for front in fronts)} of {timed}"),
                ]
            )
        groups[size] = lines
    notes.append(
        "A method is on the Pareto front of a task if no other is both more accurate and faster to sample."
    )
    columns = ["method", "mean rank", "first on tasks", "on the Pareto front of tasks"]
    return GridTable(f"Ranks by mean {metric}; 1 is best", columns, groups, notes=notes)


def pareto_front(points: pd.DataFrame, lower: bool = True) -> set[str]:
    """Return the methods that no other method beats in both accuracy and time.

    Arguments:
        points: Columns ``value`` and ``seconds``; the last level of the index is the method.
        lower: Whether lower values are better.

    Example:
        >>> points = pd.DataFrame({"value": [0.5, 0.6, 0.7], "seconds": [3, 1, 2]}, index=["a", "b", "c"])
        >>> sorted(pareto_front(points))
        ['a', 'b']
    """
    front = set()
    values = points["value"] if lower else -points["value"]
    methods = [index[-1] if isinstance(index, tuple) else index for index in points.index]
    for method, value, seconds in zip(methods, values, points["seconds"], strict=True):
        no_worse = (values <= value) & (points["seconds"] <= seconds)
        better = (values < value) | (points["seconds"] < seconds)
        if not (no_worse & better).any():
            front.add(str(method))
    return front
