"""Preview of a run: which cells it would run, and the time predicted from existing rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pandas as pd

from bench.errors import UsageError
from bench.results.store import Store
from bench.run.cell import Cell
from bench.run.runner import from_other_source, pending

__all__ = ["forecast"]

# The predicted time of a cell is the median over cells that agree with it in all these columns. The first
# set of columns for which such cells exist is used.
ALIKE = (
    ["task", "method", "params", "num_simulations"],
    ["task", "method", "num_simulations"],
    ["method", "num_simulations"],
    ["method"],
)


def forecast(cells: Sequence[Cell], store: Store, jobs: int, redo: bool = False) -> list[str]:
    """Return a line for each cell (done or to do) and a summary line at the end.

    Arguments:
        cells: Cells of a grid.
        store: Store whose rows show which cells are done and how many seconds they took (``cell_s``).
        jobs: Number of cells that run at a time.
        redo: Whether cells that are done run again.
    """
    states = store.states(rename_broken=False)  # a forecast changes nothing
    todo = {cell.key: cell for cell in pending(list(cells), states, redo)}
    past, guesses = _past(store), dict[tuple[str, str, int], float | None]()
    lines, total, unknown = from_other_source(list(cells), states), 0.0, 0
    for cell in cells:
        if cell.key not in todo:
            lines.append(f"done   {cell.label}")
            continue
        alike = (cell.task, cell.method, cell.num_simulations)
        if alike not in guesses:  # the same for all seeds
            guesses[alike] = _seconds(cell, past)
        seconds = guesses[alike]
        unknown += seconds is None
        total += seconds or 0.0
        guess = "time unknown" if seconds is None else f"about {_words(seconds)}"
        some = "" if todo[cell.key] == cell else f", observations {_numbers(todo[cell.key])}"
        lines.append(f"to do  {cell.label}: {guess}{some}")
    known = f"about {_words(total / jobs)} for {len(todo) - unknown} of them" if len(todo) > unknown else ""
    rest = f"{unknown} without past rows to go by" if unknown else ""
    guess = "; ".join(part for part in (known, rest) if part)
    counts = f"{len(cells)} cells: {len(cells) - len(todo)} done, {len(todo)} to do"
    lines.append(f"{counts}; {guess}" if guess else counts)
    return lines


def _past(store: Store) -> list[pd.Series]:
    """Return the median seconds of a cell, grouped by each set of columns in ``ALIKE``."""
    try:
        rows = store.read(["cell", "status", "cell_s", *ALIKE[0]])
    except UsageError:
        return []
    cells = rows[(rows["status"] == "ok") & rows["cell_s"].notna()].drop_duplicates("cell")
    return [cells.groupby(columns)["cell_s"].median() for columns in ALIKE]


def _seconds(cell: Cell, past: list[pd.Series]) -> float | None:
    identity = cell.identity()
    for columns, medians in zip(ALIKE, past, strict=False):
        key = tuple(identity[name] for name in columns)
        value = medians.get(key if len(key) > 1 else key[0])
        if value is not None:
            return float(value)
    return None


def _words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else str(timedelta(seconds=round(seconds)))


def _numbers(cell: Cell) -> str:
    return ", ".join(map(str, cell.observations))
