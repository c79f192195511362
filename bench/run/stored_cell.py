"""Runs one cell and stores its rows, and its samples if they are to be kept."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bench.errors import UsageError
from bench.results.claims import claim
from bench.results.sample_files import KeptSamples
from bench.results.schema import Row
from bench.results.store import State, Store, is_good
from bench.run import inside_worker, isolation
from bench.run.cell import Cell, failed_rows
from bench.run.keeping import described, keep_again, store_rows, unsampled_observations
from bench.run.outcome import Outcome
from bench.run.run_cell import run_cell
from bench.run.run_options import RunOptions
from registries import RegistryError

__all__ = ["Work", "run_and_store"]

Result = TypeVar("Result")

TRIES = 3  # largest number of processes that a cell may end


@dataclass(frozen=True)
class Work:
    """What is to be done of a cell.

    Attributes:
        cell: The cell, with the observations that have no good row; there may be none.
        before: State of its rows when the run began.
        unsampled: The cell, with the observations that have a good row but lack samples that are to be kept.
    """

    cell: Cell
    before: State
    unsampled: Cell


def run_and_store(
    work: Work,
    directory: Path,
    options: RunOptions,
    wait: bool,
    log: Path | None,
    running: Callable[[Cell], AbstractContextManager[None]] | None,
) -> tuple[Work, Outcome | None]:
    """Run a cell and store its rows. The outcome is None if another runner holds the cell.

    Arguments:
        work: Cell to run.
        directory: Directory of results.
        options: Options of the run.
        wait: Whether to wait for another runner that holds the cell.
        log: File that receives what the cell prints; None to print it.
        running: Function that gives a context for the time in which the cell runs; None for none.
    """
    start, store = time.perf_counter(), Store(directory)
    work.cell.load_plugins()  # a worker of a cluster may not have loaded them yet
    with claim(directory, work.cell.key, wait, leased=True) as held:
        if not held:
            return work, None
        now = store.state(work.cell.key)
        cell = work.cell.only({k for k in work.cell.observations if now.get(k) == work.before.get(k)})
        asked = {*work.cell.observations, *work.unsampled.observations}
        rest = replace(cell, observations=tuple(sorted(asked.difference(cell.observations))))
        again = rest.only(unsampled_observations(rest, now, store))
        if not cell.observations and not again.observations:  # another runner has done it since this began
            rows = [row for row in store.rows(cell.key) if row["num_observation"] in asked]
            return work, _outcome(work.cell, rows, start, elsewhere=True)
        rows, notes = [], list[str]()
        with running(cell) if running else contextlib.nullcontext():
            if cell.observations:
                rows, notes, samples = _rows(cell, store, options, log)
                store_rows(store, cell, rows, samples)
            called = partial(_called, options=options, log=log)
            lost = keep_again(again, store, called) if again.observations else []
        if any(row["status"] != "ok" and is_good(now.get(row["num_observation"], row)) for row in rows):
            notes.append(f"{cell.label}: rows that failed did not replace the good ones")
    outcome = _outcome(cell, rows, start, notes=[*notes, *lost])
    return work, replace(outcome, num_drawn_again=len(again.observations), num_lost=len(lost))


def _called(
    work: Callable[[Cell, Path], Result],
    cell: Cell,
    directory: Path,
    receive: Callable[[Any], None],
    options: RunOptions,
    log: Path | None,
) -> Result:
    """Return ``work(cell, directory)``, called in this process or in another one, as the backend wants it."""
    if options.backend == "sequential":
        with inside_worker.received_by(receive):
            return work(cell, directory)
    workers = options.jobs if options.backend == "local" else 1
    return isolation.isolated(
        work, cell, directory, workers=workers, seconds=options.cell_timeout, receive=receive, output=log
    )


def _rows(
    cell: Cell, store: Store, options: RunOptions, log: Path | None
) -> tuple[list[Row], list[str], dict[int, KeptSamples]]:
    """Run a cell, and return its rows, lines for the user, and samples to keep with the rows.

    Rows that the cell reports are stored at once, with their samples. If the process dies, or has to be
    killed, while it samples an observation, that observation fails and the others are tried again, up to
    ``TRIES`` times in all.
    """
    notes: list[str] = []
    rows: dict[int, Row] = {}
    samples: dict[int, KeptSamples] = {}
    sampling = 0  # number of the observation that is being sampled, 0 for none

    def receive(part: str | int | KeptSamples | list[Row]) -> None:
        nonlocal sampling
        if isinstance(part, str):
            notes.append(part)
        elif isinstance(part, int):
            sampling = part
        elif isinstance(part, KeptSamples):
            samples[part.num_observation] = part
        else:
            store_rows(store, cell, part, samples)
            keep(part)

    def keep(some: list[Row]) -> None:
        rows.update({row["num_observation"]: row for row in some})

    for attempt in range(1, TRIES + 1):
        left = cell.only(set(cell.observations) - set(rows))
        try:
            keep(_called(run_cell, left, store.directory, receive, options, log))
            break
        except (UsageError, RegistryError, isolation.StoppedError):
            raise
        except Exception as error:
            if options.backend == "sequential":
                raise
            status = "timeout" if isinstance(error, isolation.OutOfTimeError) else "error"
            text = described(error)
        left = cell.only(set(cell.observations) - set(rows))
        if sampling not in left.observations or attempt == TRIES:
            keep(failed_rows(left, status, text))
            break
        keep(failed_rows(left.only({sampling}), status, f"{text} while it sampled this observation"))
        store.write_cell(cell.key, [rows[sampling]])
        sampling = 0
        if len(left.observations) == 1:
            break
    return list(rows.values()), notes, samples


def _outcome(
    cell: Cell, rows: list[Row], start: float, elsewhere: bool = False, notes: Sequence[str] = ()
) -> Outcome:
    errors = [row["error"] for row in rows if row["status"] != "ok"]
    scores = [row["c2st"] for row in rows if row["c2st"] is not None]
    return Outcome(
        label=cell.label,
        num_rows=len(rows),
        num_errors=len(errors),
        error=errors[0].strip().splitlines()[-1] if errors else "",
        num_failed_simulations=rows[0]["num_failed_simulations"] or 0 if rows else 0,
        mean_c2st=sum(scores) / len(scores) if scores else float("nan"),
        seconds=time.perf_counter() - start,
        elsewhere=elsewhere,
        notes=tuple(notes),
        key=cell.key,
        failed_metrics=tuple(
            sorted({name for row in rows for name in json.loads(row["metric_errors"] or "{}")})
        ),
    )
