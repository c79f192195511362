"""The rows that options of a command choose: tasks, methods and budgets."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from bench.errors import UsageError
from bench.printable import printable
from bench.results.naming import method_labels
from registries import nearest

__all__ = ["chosen"]


def chosen(
    rows: pd.DataFrame,
    *,
    tasks: Sequence[str] = (),
    methods: Sequence[str] = (),
    budgets: Sequence[int] = (),
    always: Collection[str] = (),
) -> pd.DataFrame:
    """Return the rows of these tasks, methods and budgets; what is empty chooses all.

    Arguments:
        rows: Rows from :meth:`bench.results.store.Store.read`.
        tasks: Names of tasks.
        methods: Names of methods, which choose all their sets of parameters, or names with parameters as
            tables show them.
        budgets: Numbers of simulations.
        always: Names of methods whose rows are kept whatever the methods are.

    Raises:
        UsageError: if there is no row of one of them.
    """
    names = rows["method"].astype(str)
    labels = method_labels(rows) if methods else names
    _check("task", tasks, rows["task"])
    _check("method", methods, pd.concat([names, labels]))
    _check("num-simulations", budgets, rows["num_simulations"])
    kept = pd.Series(True, index=rows.index)
    if tasks:
        kept &= rows["task"].isin(tasks)
    if methods:
        kept &= names.isin(methods) | labels.isin(methods) | names.isin(always)
    if budgets:
        kept &= rows["num_simulations"].isin(budgets)
    if not kept.any():
        raise UsageError("no row is of a task, a method and a budget that were chosen together")
    return rows[kept]


def _check(option: str, wanted: Sequence[str] | Sequence[int], there: pd.Series) -> None:
    known = list(there.dropna().unique())
    for one in wanted:
        if one not in known:
            if isinstance(one, int):
                hint = f"there are {', '.join(str(int(value)) for value in sorted(known))}"
            else:
                hint = nearest(one, [printable(str(value)) for value in known])
            raise UsageError(f"{option}: no row of {printable(str(one))}; {hint}")
