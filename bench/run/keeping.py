"""Posterior samples that a run keeps: written with their rows, or drawn again for rows that are complete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from bench.results.sample_files import KeptSamples
from bench.results.schema import Row
from bench.results.store import State, Store, done
from bench.run import isolation
from bench.run.cell import Cell
from bench.run.refit import difference, draw_again
from registries import RegistryError

__all__ = ["described", "keep_again", "store_rows", "unsampled_observations"]

Work = Callable[[Cell, Path], str]
# Calls work on a cell and a directory, in this or another process, with a function for what it reports.
Call = Callable[[Work, Cell, Path, Callable[[Any], None]], str]


def unsampled_observations(cell: Cell, state: State, store: Store) -> set[int]:
    """Return the observations of a cell with a good row whose samples are to be kept, but are not."""
    if not cell.keep_samples:
        return set()
    good = {k: state[k] for k in done(state) & set(cell.observations)}
    return store.sample_files.missing(cell.key, good, cell.keep_samples)


def store_rows(store: Store, cell: Cell, rows: list[Row], samples: Mapping[int, KeptSamples]) -> None:
    """Write rows of a cell, and before them the samples of those that are good.

    If the program is killed in between, the next run replaces the samples. If the samples cannot be written,
    the rows still are, since they matter more.

    Raises:
        StorageError: if the rows or the samples cannot be written.
    """
    good = {row["num_observation"]: row["samples_sha256"] for row in rows if row["status"] == "ok"}
    kept = [one for k, one in samples.items() if k in good and good[k] == one.samples_sha256]
    try:
        if kept:
            store.sample_files.write(cell.key, kept)
    finally:
        store.write_cell(cell.key, rows)


def keep_again(cell: Cell, store: Store, call: Call) -> list[str]:
    """Fit a cell again and keep the samples of its observations, whose rows stay unchanged.

    Arguments:
        cell: Cell with the observations whose samples are to be kept; all of them have good rows.
        store: Store of the rows and the samples.
        call: Function that calls :func:`bench.run.refit.draw_again` where the run's cells are run.

    Returns:
        A line for each observation without samples: they differ from the row's, or could not be drawn.

    Raises:
        StorageError: if the samples cannot be written.
    """
    rows = {row["num_observation"]: row for row in store.rows(cell.key)}
    drawn: dict[int, KeptSamples] = {}

    def receive(part: object) -> None:
        if isinstance(part, KeptSamples):
            drawn[part.num_observation] = part

    try:
        why = call(draw_again, cell, store.directory, receive)
    except (UsageError, RegistryError, isolation.StoppedError):
        raise
    except Exception as error:  # the process died or reached its time limit
        why = described(error)
    fit = {k: one for k, one in drawn.items() if one.samples_sha256 == rows[k]["samples_sha256"]}
    if fit:
        store.sample_files.write(cell.key, fit.values())
    lost = [difference(rows[k], cell) for k in drawn if k not in fit]
    return lost + [
        f"{cell.label}, observation {k}: no samples are kept, its row is unchanged ({why})"
        for k in cell.observations
        if k not in drawn
    ]


def described(error: Exception) -> str:
    """Return the type and message of an error in one text."""
    own = isinstance(error, isolation.FailedError)  # its text names the class
    return str(error) if own else f"{type(error).__name__}: {error}"
