"""Cells in parallel, each written as soon as it is done; what is done already is left alone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from joblib import Parallel, delayed, parallel_config

from bench.cell import Cell, run_cell
from bench.progress import Progress
from bench.store import Store

__all__ = ["Outcome", "Summary", "pending", "run"]


@dataclass(frozen=True)
class Outcome:
    """What became of a cell: rows written, how many of them errors, the last line of the first error."""

    label: str
    num_rows: int
    num_errors: int
    error: str
    num_failed_simulations: int
    mean_c2st: float
    seconds: float


@dataclass(frozen=True)
class Summary:
    """Cells that ran, those with an error among them, and those that were done before."""

    ran: int
    failed: int
    done_before: int


def pending(cells: list[Cell], store: Store) -> list[Cell]:
    """Cells with observations that have no good row yet, cut down to those observations."""
    left = [cell.only(set(cell.observations) - store.done(cell.key, cell.calibration)) for cell in cells]
    return [cell for cell in left if cell.observations]


def run(cells: list[Cell], store: Store, jobs: int, progress: Progress) -> Summary:
    """Run what is pending, ``jobs`` cells at a time in processes of their own.

    A cell that raises becomes rows with ``status=error`` and is tried again at the next run.
    """
    todo = pending(cells, store)
    failed = 0
    with progress.over(len(todo), jobs), _workers(jobs, todo):
        work = (delayed(_run_and_store)(cell, store.directory) for cell in todo)
        for outcome in Parallel(return_as="generator_unordered", pre_dispatch="2*n_jobs")(work):
            failed += outcome.num_errors > 0
            progress.finished(outcome)
    return Summary(ran=len(todo), failed=failed, done_before=len(cells) - len(todo))


@contextlib.contextmanager
def _workers(jobs: int, todo: list[Cell]) -> Iterator[None]:
    if jobs == 1 or not todo:
        with parallel_config(n_jobs=1):
            yield
        return
    with parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=todo[0].threads):
        yield


def _run_and_store(cell: Cell, directory: Path) -> Outcome:
    start = time.perf_counter()
    rows = run_cell(cell)
    Store(directory).write_cell(cell.key, rows)
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
    )
