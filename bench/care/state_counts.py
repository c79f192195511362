"""Counts of the rows in a directory by their state, and the core-hours that they took."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from bench.care.stale import STALE_BY, stale
from bench.printable import printable
from bench.results.naming import method_labels
from bench.run.cell import Cell, blank_row

__all__ = ["COUNTED_BY", "STATES", "missing_cells", "state_counts"]

# Columns of the store that are needed to count rows.
COUNTED_BY = [*STALE_BY, "params", "changed_params", "cell", "num_observation", "status", "invalid"]
COUNTED_BY += ["cell_s", "threads", "started_at"]
STATES = ["done", "stale", "failed", "timed out", "invalid"]
KINDS = {"error": "failed", "timeout": "timed out"}
GROUPS = ["task", "method"]


def state_counts(
    rows: pd.DataFrame, missing: Sequence[Cell] = (), say: Callable[[str], None] | None = None
) -> pd.DataFrame:
    """Count the rows of each task and method by their state.

    A row is ``done`` if it is good and of today's code, ``stale`` if it is good and of older code,
    ``failed``, ``timed out`` or ``invalid``.

    Arguments:
        rows: Rows with the columns ``COUNTED_BY``.
        missing: Cells restricted to observations that have no row, from :func:`missing_cells`.
        say: Function that receives a line for each task and method that is not registered here.

    Returns:
        One row for each task and method: ``task``, ``method``, a column for each of ``STATES``, ``missing``
        and ``core_hours``, those of the cells whose rows are there (seconds of the cell times its threads).
    """
    kind = rows["status"].map(KINDS).astype(object).fillna("done")
    kind = kind.mask((kind == "done") & stale(rows, say), "stale")
    kind = kind.mask(rows["invalid"].notna() & (rows["status"] == "ok"), "invalid")
    task = rows["task"].astype(object).fillna("?").map(lambda name: printable(str(name)))
    named = pd.DataFrame({"task": task, "method": method_labels(rows), "kind": kind})
    counts = named.groupby([*GROUPS, "kind"]).size().unstack("kind", fill_value=0)
    counts = counts.reindex(columns=STATES, fill_value=0)
    # Rows of a cell that were made together share their beginning; the last of them has the cell's time.
    seconds = rows["cell_s"].astype(float) * rows["threads"].astype(float).fillna(1.0)
    parts = named.assign(cell=rows["cell"], started=rows["started_at"].fillna(""), seconds=seconds)
    hours = parts.groupby([*GROUPS, "cell", "started"])["seconds"].max().groupby(GROUPS).sum() / 3600.0
    table = counts.join(_missing_counts(missing), how="outer").join(hours.rename("core_hours"))
    whole = [*STATES, "missing"]
    table[whole] = table[whole].fillna(0).astype(int)
    table["core_hours"] = table["core_hours"].fillna(0.0)
    return table.reset_index()


def missing_cells(cells: Sequence[Cell], rows: pd.DataFrame) -> list[Cell]:
    """Return the cells of a grid that have observations without any row, restricted to those."""
    there = rows.groupby("cell")["num_observation"].agg(set).to_dict()
    left = [(cell, set(cell.observations) - there.get(cell.key, set())) for cell in cells]
    return [cell.only(numbers) for cell, numbers in left if numbers]


def _missing_counts(cells: Sequence[Cell]) -> pd.Series:
    blank: dict[tuple[str, str], dict[str, object]] = {}  # the same for all budgets and seeds
    for cell in cells:
        if (cell.task, cell.method) not in blank:
            blank[cell.task, cell.method] = blank_row(cell)
    rows = pd.DataFrame(
        [blank[cell.task, cell.method] for cell in cells],
        columns=["task", "method", "params", "changed_params"],
    )
    number = pd.Series([len(cell.observations) for cell in cells], dtype=int)
    named = rows.assign(method=method_labels(rows), missing=number)
    return named.groupby(GROUPS)["missing"].sum()
