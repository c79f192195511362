"""Runs cells in parallel. Each is stored as soon as it is done; cells that were done before are skipped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from joblib import Parallel, delayed

from bench.results.claims import claim
from bench.results.store import State, Store, done
from bench.run import isolation
from bench.run.backends import backend
from bench.run.cell import Cell
from bench.run.first_look import first_look
from bench.run.keeping import unsampled_observations
from bench.run.outcome import Outcome, Summary
from bench.run.progress import Progress
from bench.run.run_options import WAITING, RunOptions
from bench.run.script import end_second_run
from bench.run.stored_cell import Work, run_and_store

__all__ = ["from_other_source", "pending", "run", "unsampled"]

MOST_LINES = 10  # limit on lines about cells that were run with other source code


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
) -> list[Work]:
    """Return what is to be done; kept samples are left alone without a store."""
    found = []
    for cell in cells:
        state = states.get(cell.key, {})
        good = set[int]() if redo else done(state, cell.calibration)
        left = set(cell.observations) - good
        without = unsampled_observations(cell, state, store) & good if store is not None else set()
        if left or without:
            found.append(Work(cell.only(left), state, cell.only(without)))
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
        held: list[Work] = []
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
    todo: list[Work], store: Store, options: RunOptions, wait: bool, progress: Progress
) -> Iterator[tuple[Work, Outcome | None]]:
    if not todo:
        return
    directory = store.directory.resolve()  # a worker may have another working directory
    with backend(options.backend, options.jobs, options.address) as placed:
        # The workers of a cluster are elsewhere, and do not tell when a cell starts.
        here = options.backend in ("local", "sequential")
        log = None if progress.log is None or options.backend == "sequential" else progress.log.resolve()
        job = delayed(placed(run_and_store))
        work = (job(one, directory, options, wait, log, progress.running if here else None) for one in todo)
        try:
            yield from Parallel(return_as="generator_unordered", pre_dispatch="2*n_jobs")(work)
        finally:
            isolation.stop()
