"""Runs cells in parallel. Each is stored as soon as it is done; cells that were done before are skipped."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from joblib import Parallel, delayed

from bench.errors import UsageError
from bench.results.claims import claim
from bench.results.sample_files import KeptSamples
from bench.results.schema import Row
from bench.results.store import State, Store, done, is_good
from bench.run import isolation
from bench.run.backends import Backend, backend
from bench.run.cell import Cell, failed_rows
from bench.run.first_look import first_look
from bench.run.keeping import described, keep_again, store_rows, unsampled_observations
from bench.run.outcome import Outcome, Summary
from bench.run.progress import Progress
from bench.run.run_cell import run_cell
from bench.run.script import end_second_run
from registries import RegistryError

__all__ = ["RunOptions", "from_other_source", "pending", "run", "unsampled"]

Result = TypeVar("Result")

TRIES = 3  # largest number of processes that a cell may end
WAITING = 2  # runs that wait for cells of others, where all others leave
MOST_LINES = 10  # limit on lines about cells that were run with other source code


@dataclass(frozen=True)
class RunOptions:
    """Options for running cells.

    Arguments:
        jobs: Number of cells that run at a time.
        cell_timeout: Seconds after which a cell is stopped and its rows get ``status=timeout``; None for no
            limit.
        backend: Name of the backend, see :func:`bench.run.backends.backend`.
        address: Address of a cluster; None for none.
        leave_held: Whether to leave cells that other runs hold to them, once ``WAITING`` runs wait for these.
        redo: Whether to run cells that are done, too. New rows replace old ones when they are written.
    """

    jobs: int = 1
    cell_timeout: float | None = None
    backend: Backend = "local"
    address: str | None = None
    leave_held: bool = False
    redo: bool = False


@dataclass(frozen=True)
class _Work:
    """What is to be done of a cell.

    Attributes:
        cell: The cell, with the observations that have no good row; there may be none.
        before: State of its rows when the run began.
        unsampled: The cell, with the observations that have a good row but lack samples that are to be kept.
    """

    cell: Cell
    before: State
    unsampled: Cell


def pending(cells: list[Cell], states: dict[str, State], redo: bool = False) -> list[Cell]:
    """Return the cells that have observations without a good row, restricted to those observations.

    Arguments:
        cells: Cells of a grid.
        states: States of stored cells by key, from :meth:`bench.results.store.Store.states`.
        redo: Whether observations with a good row are run again, so that all cells are returned.
    """
    return [work.cell for work in _todo(cells, states, redo=redo) if work.cell.observations]


def unsampled(cells: list[Cell], store: Store, states: dict[str, State]) -> list[Cell]:
    """Return the cells with good rows that lack samples to keep, restricted to those observations.

    Arguments:
        cells: Cells of a grid.
        store: Store of the rows and of the samples that are kept.
        states: States of stored cells by key.
    """
    return [work.unsampled for work in _todo(cells, states, store) if work.unsampled.observations]


def from_other_source(cells: list[Cell], states: dict[str, State]) -> list[str]:
    """Return a line for each completed cell whose task or method has other source code now.

    Versions are raised when results change. This finds changes of code for which no version was raised.
    """
    lines = []
    for cell in cells:
        state = states.get(cell.key, {})
        rows = [state[k] for k in done(state, cell.calibration) if k in cell.observations]
        now = cell.sources() if rows else {}
        changed = [
            column.removesuffix("_sha256")
            for column, sha256 in now.items()
            if any(row[column] not in (None, sha256) for row in rows)
        ]
        if changed:
            lines.append(f"{cell.label}: done with other source code of the {' and the '.join(changed)}")
    return lines


def _todo(
    cells: list[Cell], states: dict[str, State], store: Store | None = None, redo: bool = False
) -> list[_Work]:
    """Return what is to be done; kept samples are left alone without a store."""
    found = []
    for cell in cells:
        state = states.get(cell.key, {})
        good = set[int]() if redo else done(state, cell.calibration)
        left = set(cell.observations) - good
        without = unsampled_observations(cell, state, store) & good if store is not None else set()
        if left or without:
            found.append(_Work(cell.only(left), state, cell.only(without)))
    return found


def run(
    cells: list[Cell],
    store: Store,
    options: RunOptions,
    progress: Progress,
    predict: Callable[[Sequence[Cell], Store], Mapping[str, float | None]] | None = None,
    begin: Callable[[], None] | None = None,
) -> Summary:
    """Run all pending cells and return counts.

    A cell that raises, crashes or reaches its time limit gets rows with the error, and the next run tries it
    again. Rows of observations that were done before the time limit are kept. Cells that another runner holds
    are skipped, and waited for at the end; if that runner dies, they run here. A row that fails does not
    replace a good one.

    Arguments:
        cells: Cells of a grid.
        store: Store of the rows.
        options: Options for running cells.
        progress: Receiver of a line for each cell.
        begin: Function that is called before the first cell runs, if there is one to run.
        predict: Function that predicts the seconds of the pending cells by their keys, such as
            :func:`bench.run.forecast.predicted_seconds`; None for no prediction.

    Raises:
        UsageError: if a task or method of a plug-in cannot be used; nothing has been written then.
        StorageError: if rows cannot be written; the remaining cells are left for the next run.
    """
    end_second_run()
    states = store.states(cells=[cell.key for cell in cells])
    if not options.redo:
        _say_sources(from_other_source(cells, states), progress)
    todo = _todo(cells, states, store, options.redo)
    first_look(
        [work.cell if work.cell.observations else work.unsampled for work in todo],
        progress.say,
        options.backend,
        options.jobs,
        options.cell_timeout,
    )
    if todo and begin is not None:
        begin()
    ran = failed = elsewhere = 0
    known = predict([work.cell for work in todo], store) if predict and todo else {}
    seconds = {work.cell.key: known.get(work.cell.key) for work in todo}
    with progress.over(seconds, options.jobs), contextlib.ExitStack() as waits:
        held: list[_Work] = []
        for wait in (False, True):
            for work, outcome in _outcomes(held if wait else todo, store, options, wait, progress):
                if outcome is None:
                    held.append(work)
                    continue
                elsewhere += outcome.elsewhere
                ran += not outcome.elsewhere
                failed += outcome.failed and not outcome.elsewhere
                progress.finished(outcome)
            if not held or wait:
                break
            if not waits.enter_context(_may_wait(store.directory, options)):
                progress.say(f"{len(held)} cells are left to the runs that hold them")
                return Summary(ran, failed, len(cells) - len(todo), elsewhere, len(held))
            progress.waiting(len(held))
    return Summary(ran, failed, len(cells) - len(todo), elsewhere)


@contextlib.contextmanager
def _may_wait(directory: Path, options: RunOptions) -> Iterator[bool]:
    """Return a context that gives whether this run waits for cells of others, and counts it meanwhile."""
    if not options.leave_held:
        yield True
        return
    with contextlib.ExitStack() as places:
        yield any(places.enter_context(claim(directory, f"waiting-{k}", wait=False)) for k in range(WAITING))


def _say_sources(lines: list[str], progress: Progress) -> None:
    for line in lines[:MOST_LINES]:
        progress.say(line)
    if len(lines) > MOST_LINES:
        progress.say(f"… and {len(lines) - MOST_LINES} more cells")
    if lines:
        progress.say(
            "rows from other source code are kept; --redo, a new version or another --out runs them again"
        )


def _outcomes(
    todo: list[_Work], store: Store, options: RunOptions, wait: bool, progress: Progress
) -> Iterator[tuple[_Work, Outcome | None]]:
    if not todo:
        return
    directory = store.directory.resolve()  # a worker may have another working directory
    with backend(options.backend, options.jobs, options.address) as placed:
        # The workers of a cluster are elsewhere, and do not tell when a cell starts.
        here = options.backend in ("local", "sequential")
        log = None if progress.log is None or options.backend == "sequential" else progress.log.resolve()
        job = delayed(placed(_run_and_store))
        work = (job(one, directory, options, wait, log, progress.running if here else None) for one in todo)
        try:
            yield from Parallel(return_as="generator_unordered", pre_dispatch="2*n_jobs")(work)
        finally:
            isolation.stop()


def _run_and_store(
    work: _Work,
    directory: Path,
    options: RunOptions,
    wait: bool,
    log: Path | None,
    running: Callable[[Cell], AbstractContextManager[None]] | None,
) -> tuple[_Work, Outcome | None]:
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
        with isolation.received_by(receive):
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
