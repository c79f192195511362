"""Accuracy of all methods on the same problems, for figures that compare methods over tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.results.ends_of_scale import FLOOR, PRIOR, SCALE
from bench.results.figures.metric_axis import lower_is_better

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OBSERVATION", "PROBLEM", "complete", "is_compared", "losses", "without_reference"]

PROBLEM = ["task", "num_simulations"]
OBSERVATION = [*PROBLEM, "seed", "num_observation"]


def losses(rows: pd.DataFrame, metric: str, problem: list[str]) -> pd.DataFrame:
    """Mean metric of each method (columns) on each problem (rows), lower is better; ``reference`` left out.

    A metric whose higher values are better has its sign changed.

    Raises:
        UsageError: if there are fewer than two methods.
    """
    proper = without_reference(rows)
    methods = proper["method"].unique()
    if len(methods) < 2:
        found = f"there is only {methods[0]}" if len(methods) else "there is none"
        raise UsageError(f"plot: two methods are needed, {found}")
    table = proper.pivot_table(index=problem, columns="method", values=metric, aggfunc="mean")
    return table if lower_is_better(metric) else -table


def without_reference(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of methods that are compared."""
    return rows[is_compared(rows)]


def is_compared(rows: pd.DataFrame) -> pd.Series:
    """Return which rows are of methods that are compared, so not of ``reference``."""
    return rows["method"] != FLOOR


def complete(rows: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, int, list[str]]:
    """Return losses at one budget, on the tasks that all methods of this budget but ``prior`` ran.

    The budget is the one with most methods, among those with two tasks that all of these ran; of several, the
    one with most such tasks, and of these the largest.

    Returns:
        Losses with tasks as rows and methods as columns, the budget, and the names of what is left out: tasks
        that some of these methods did not run, then methods that have no value at this budget.

    Raises:
        UsageError: if there are fewer than two methods, or no task that all of them ran at one budget.
    """
    ranked = rows[~rows["method"].isin(SCALE)]
    if ranked["method"].nunique() < 2:
        found = ", ".join(ranked["method"].unique()) or "none"
        raise UsageError(f"plot: two methods besides {FLOOR} and {PRIOR} are needed, there is {found}")
    table = losses(ranked, metric, PROBLEM)
    known = {}
    for budget, at_budget in table.groupby(level="num_simulations"):
        tried = at_budget.droplevel("num_simulations").dropna(axis=1, how="all")
        whole = tried.dropna()
        if len(whole) and tried.shape[1] > 1:
            known[len(whole) > 1, tried.shape[1], len(whole), int(str(budget))] = whole
    if not known:
        raise UsageError(
            "plot: no task was run with all methods at one budget; choose with --method and --num-simulations"
        )
    best = max(known)
    chosen = known[best]
    tasks = table.index.get_level_values("task").unique()
    absent = [*tasks.difference(chosen.index), *table.columns.difference(chosen.columns)]
    return chosen, best[-1], list(map(str, absent))
