"""Runs cells in parallel. Each is stored as soon as it is done; cells that were done before are skipped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from joblib import Parallel, delayed

from bench.errors import UsageError
from bench.results.claims import claim
from bench.results.schema import Row
from bench.results.store import State, Store, done, is_good
from bench.run import isolation
from bench.run.backends import Backend, backend
from bench.run.cell import Cell, failed_rows
from bench.run.first_look import first_look
from bench.run.outcome import Outcome, Summary
from bench.run.progress import Progress
from bench.run.run_cell import run_cell
from bench.run.script import end_second_run
from registries import RegistryError

__all__ = ["RunOptions", "from_other_source", "pending", "run"]

TRIES = 3  # largest number of processes that a cell may end
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
        redo: Whether to run cells that are done, too. New rows replace old ones when they are written.
    """

    jobs: int = 1
    cell_timeout: float | None = None
    backend: Backend = "local"
    address: str | None = None
    redo: bool = False


@dataclass(frozen=True)
class _Work:
    """A cell with observations to do, and the state of its rows when the run began."""

    cell: Cell
    before: State


def pending(cells: list[Cell], states: dict[str, State], redo: bool = False) -> list[Cell]:
    """Return the cells that have observations without a good row, restricted to those observations.

    Arguments:
        cells: Cells of a grid.
        states: States of stored cells by key, from :meth:`bench.results.store.Store.states`.
        redo: Whether observations with a good row are run again, so that all cells are returned.
    """
    return [work.cell for work in _todo(cells, states, redo)]


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


def _todo(cells: list[Cell], states: dict[str, State], redo: bool) -> list[_Work]:
    found = []
    for cell in cells:
        state = states.get(cell.key, {})
        left = set(cell.observations) - (set() if redo else done(state, cell.calibration))
        if left:
            found.append(_Work(cell.only(left), state))
    return found


def run(
    cells: list[Cell],
    store: Store,
    options: RunOptions,
    progress: Progress,
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

    Raises:
        UsageError: if a task or method of a plug-in cannot be used; nothing has been written then.
        StorageError: if rows cannot be written; the remaining cells are left for the next run.
    """
    end_second_run()
    states = store.states(cells=[cell.key for cell in cells])
    if not options.redo:
        _say_sources(from_other_source(cells, states), progress)
    todo = _todo(cells, states, options.redo)
    first_look(
        [work.cell for work in todo], progress.say, options.backend, options.jobs, options.cell_timeout
    )
    if todo and begin is not None:
        begin()
    ran = failed = elsewhere = 0
    with progress.over(len(todo), options.jobs):
        held: list[_Work] = []
        for wait in (False, True):
            for work, outcome in _outcomes(held if wait else todo, store, options, wait):
                if outcome is None:
                    held.append(work)
                    continue
                elsewhere += outcome.elsewhere
                ran += not outcome.elsewhere
                failed += outcome.num_errors > 0 and not outcome.elsewhere
                progress.finished(outcome)
            if not held:
                break
            progress.waiting(len(held))
    return Summary(ran, failed, len(cells) - len(todo), elsewhere)


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
    todo: list[_Work], store: Store, options: RunOptions, wait: bool
) -> Iterator[tuple[_Work, Outcome | None]]:
    if not todo:
        return
    directory = store.directory.resolve()  # a worker may have another working directory
    with backend(options.backend, options.jobs, options.address) as placed:
        job = delayed(placed(_run_and_store))
        work = (job(one, directory, options, wait) for one in todo)
        try:
            yield from Parallel(return_as="generator_unordered", pre_dispatch="2*n_jobs")(work)
        finally:
            isolation.stop()


def _run_and_store(
    work: _Work, directory: Path, options: RunOptions, wait: bool
) -> tuple[_Work, Outcome | None]:
    """Run a cell and store its rows. The outcome is None if another runner holds the cell."""
    start, store = time.perf_counter(), Store(directory)
    work.cell.load_plugins()  # a worker of a cluster may not have loaded them yet
    with claim(directory, work.cell.key, wait) as held:
        if not held:
            return work, None
        now = store.state(work.cell.key)
        cell = work.cell.only({k for k in work.cell.observations if now.get(k) == work.before.get(k)})
        if not cell.observations:  # another runner has run them all since this one began
            rows = [row for row in store.rows(cell.key) if row["num_observation"] in work.cell.observations]
            return work, _outcome(work.cell, rows, start, elsewhere=True)
        rows, notes = _rows(cell, store, options)
        store.write_cell(cell.key, rows)
        if any(row["status"] != "ok" and is_good(now.get(row["num_observation"], row)) for row in rows):
            notes.append(f"{cell.label}: rows that failed did not replace the good ones")
    return work, _outcome(cell, rows, start, notes=notes)


def _rows(cell: Cell, store: Store, options: RunOptions) -> tuple[list[Row], list[str]]:
    """Run a cell, and return its rows and lines for the user. Rows that it reports are stored at once.

    If the process dies, or has to be killed, while it samples an observation, that observation fails and the
    others are tried again, up to ``TRIES`` times in all.
    """
    notes: list[str] = []
    rows: dict[int, Row] = {}
    sampling = 0  # number of the observation that is being sampled, 0 for none

    def receive(part: str | int | list[Row]) -> None:
        nonlocal sampling
        if isinstance(part, str):
            notes.append(part)
        elif isinstance(part, int):
            sampling = part
        else:
            store.write_cell(cell.key, part)
            keep(part)

    def keep(some: list[Row]) -> None:
        rows.update({row["num_observation"]: row for row in some})

    if options.backend == "sequential":
        with isolation.received_by(receive):
            return run_cell(cell, store.directory), notes
    workers = options.jobs if options.backend == "local" else 1
    for attempt in range(1, TRIES + 1):
        left = cell.only(set(cell.observations) - set(rows))
        try:
            keep(
                isolation.isolated(
                    run_cell,
                    left,
                    store.directory,
                    workers=workers,
                    seconds=options.cell_timeout,
                    receive=receive,
                )
            )
            break
        except (UsageError, RegistryError, isolation.StoppedError):
            raise
        except Exception as error:
            status = "timeout" if isinstance(error, isolation.OutOfTimeError) else "error"
            own = isinstance(error, isolation.FailedError)  # its text names the class
            text = str(error) if own else f"{type(error).__name__}: {error}"
        left = cell.only(set(cell.observations) - set(rows))
        if sampling not in left.observations or attempt == TRIES:
            keep(failed_rows(left, status, text))
            break
        keep(failed_rows(left.only({sampling}), status, f"{text} while it sampled this observation"))
        store.write_cell(cell.key, [rows[sampling]])
        sampling = 0
        if len(left.observations) == 1:
            break
    return list(rows.values()), notes


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
        num_failed_simulations=rows[0]["num_failed_simulations"] or 0,
        mean_c2st=sum(scores) / len(scores) if scores else float("nan"),
        seconds=time.perf_counter() - start,
        elsewhere=elsewhere,
        notes=tuple(notes),
        failed_metrics=tuple(
            sorted({name for row in rows for name in json.loads(row["metric_errors"] or "{}")})
        ),
    )
