"""Removing and invalidating chosen rows, in cells' own files and in merged files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bench.results.claims import claim
from bench.results.pairs import within
from bench.results.schema import SCHEMA
from bench.results.store import Store

__all__ = ["invalidate", "marked", "remove"]

Change = Callable[[pa.Table, np.ndarray], pa.Table]  # of a table and a boolean for each row that is chosen
Chosen = Mapping[str, Mapping[int, str | None]]  # by cell and observation: when the row was begun


def remove(store: Store, rows: pd.DataFrame) -> list[str]:
    """Remove rows, and the kept samples of cells of which no row is left.

    Rows that have been replaced since they were read are left alone. If the process is killed, some rows may
    be left, and the same call removes them.

    Arguments:
        store: Store that the rows were read from.
        rows: Rows with the columns ``cell``, ``num_observation`` and ``started_at``.

    Returns:
        Keys of cells that a run holds, of which nothing was removed.

    Raises:
        StorageError: if files cannot be written.
    """
    held = _change(store, _chosen(rows), lambda table, mask: table.filter(~mask))
    samples = store.sample_files
    sampled = samples.cells() & set(rows["cell"])
    if sampled:
        left = store.states(rename_broken=False, cells=sampled)
        for cell in sampled.difference(left):
            samples.path(cell).unlink(missing_ok=True)
    return held


def invalidate(store: Store, rows: pd.DataFrame, reason: str | None) -> list[str]:
    """Mark rows as invalid with a reason, or remove the mark.

    Arguments:
        store: Store that the rows were read from.
        rows: Rows with the columns ``cell``, ``num_observation`` and ``started_at``.
        reason: Why the rows are invalid; None to make them valid again.

    Returns:
        Keys of cells that a run holds, whose rows were not changed.

    Raises:
        StorageError: if files cannot be written.
    """
    return _change(store, _chosen(rows), lambda table, mask: marked(table, mask, reason))


def marked(table: pa.Table, mask: np.ndarray, reason: str | None) -> pa.Table:
    """Return a table in which the rows of the mask, ``(N,)``, are invalid with a reason, or valid if None."""
    marks = pc.if_else(pa.array(mask), pa.scalar(reason, pa.string()), table["invalid"])
    return table.set_column(table.column_names.index("invalid"), SCHEMA.field("invalid"), marks)


def _chosen(rows: pd.DataFrame) -> Chosen:
    chosen: dict[str, dict[int, str | None]] = {}
    started = rows["started_at"].astype(object).where(rows["started_at"].notna(), None)
    for cell, number, begun in zip(rows["cell"], rows["num_observation"], started, strict=True):
        chosen.setdefault(cell, {})[int(number)] = begun
    return chosen


def _change(store: Store, chosen: Chosen, change: Change) -> list[str]:
    # Merged files come first: an older merged row would show again if the row that hides it went before it.
    with store.merged.locked():
        _change_merged(store, chosen, change)
        return _change_cells(store, chosen, change)


def _change_merged(store: Store, chosen: Chosen, change: Change) -> None:
    changed: dict[Path, pa.Table] = {}
    paths = store.merged.paths()
    for path in paths:
        part = store.merged_part(path)
        mask = None if part is None else within(part.table, chosen)
        if part is not None and mask is not None and mask.any():
            changed[path] = change(part.table, mask)
    if not changed:
        return
    with store.merged.replaced(store.identity()) as new:
        for path in paths:
            if path in changed:
                new.write(changed[path])
            else:
                new.keep(path)


def _change_cells(store: Store, chosen: Chosen, change: Change) -> list[str]:
    held = []
    for cell, numbers in chosen.items():
        if not store.path(cell).exists():
            continue
        with claim(store.directory, cell, wait=False) as free:
            if not free:
                held.append(cell)
                continue
            part = store.own_part(cell)
            if part is None:
                continue
            begun = part.table["started_at"].to_pylist()
            same = [
                number in numbers and numbers[number] == start
                for number, start in zip(part.table["num_observation"].to_pylist(), begun, strict=True)
            ]
            if any(same):
                store.write_table(cell, change(part.table, np.array(same)), part.origins)
    return held
