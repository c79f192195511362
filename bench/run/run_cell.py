"""Running one cell: simulate, fit once, then sample and score every observation."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

import methods
import tasks
from bench.answers.checked_task import checked
from bench.clock.load import load_columns
from bench.metrics import Draws
from bench.results.sample_files import KeptSamples
from bench.results.schema import Row
from bench.run import inside_worker
from bench.run.cell import Cell, blank_row
from bench.run.fit_and_sample import fit_cell, reference_of, sample_observation
from bench.run.global_state import SHARED, GlobalState, watched
from bench.run.plain_rows import plain_row
from bench.run.plugins import SUITE
from bench.run.scored_rows import scored_rows
from bench.run.scoring import Predictive, Scores, failure, score_calibration
from bench.run.simulation_cache import simulations
from bench.run.time_share import OverdueError, interrupted_after, share
from bench.run.warm_up import warm_up
from tasks import Task

__all__ = ["ChangedStateError", "left_alone", "run_cell"]


class ChangedStateError(RuntimeError):
    """The code of a task or method left global state changed, which later cells would share."""


def run_cell(cell: Cell, directory: Path | None = None) -> list[Row]:
    """Run a cell and return its rows, one for each observation.

    An observation that fails has ``status=error`` and the traceback in its row. So has one whose task or
    method raises ``SystemExit``, or leaves global state changed (:mod:`bench.run.global_state`).

    The number of each observation is reported when its sampling begins, and 0 when that ends. Samples that
    are to be kept are reported as :class:`bench.results.sample_files.KeptSamples` before their row.

    If the cell has a time limit (:func:`bench.run.inside_worker.seconds_left`), an observation that takes
    longer than its share of what is left is interrupted and tried again at the end. The rows of the others
    are reported before that (:func:`bench.run.inside_worker.report`), so that reaching the limit does not
    lose them.

    Arguments:
        cell: Cell to run.
        directory: Directory where simulations are kept for other methods; None to simulate without it.
    """
    start, cpu = time.perf_counter(), _processor_s()
    cell.load_plugins()
    torch.set_num_threads(cell.threads)
    with watched(SUITE, SHARED) as state:
        rows: list[Row] = []
        for some, more in _scored(cell, directory, state):
            spent = {"cell_s": time.perf_counter() - start, "cell_cpu_s": _processor_s() - cpu}
            done = [plain_row(row | spent) for row in some]
            if more:
                inside_worker.report(done)
            rows += done
    order = {k: index for index, k in enumerate(cell.observations)}
    return sorted(rows, key=lambda row: order[row["num_observation"]])


def _scored(cell: Cell, directory: Path | None, state: GlobalState) -> Iterator[tuple[list[Row], bool]]:
    """Yield the rows of a cell, in one list or in several, and whether more will follow."""
    blank = blank_row(cell)
    task, method = checked(tasks.get(cell.task)), methods.get(cell.method)
    rows: dict[int, Row] = {k: blank | {"num_observation": k} | row for k, row in _bad(task, cell).items()}
    observations = [k for k in cell.observations if k not in rows]
    if not observations:
        yield list(rows.values()), False
        return
    try:
        with left_alone(state, f"simulating {cell.task}"):
            method.check_prior(task.prior())
            warm_up(method, cell.device)
            blank |= load_columns(blank)
            data = simulations(task, cell.num_simulations, cell.seed, directory)
            blank |= {"simulate_s": data.seconds, "num_failed_simulations": data.num_failed}
            blank |= {"num_extreme_simulations": data.num_extreme}
            blank |= load_columns(blank)
        with left_alone(state, f"fitting {cell.method}"):
            posterior, fitted = fit_cell(task, method, data, cell)
            blank |= fitted
    except BaseException as error:
        if inside_worker.ends_run(error):
            raise
        failed = blank | failure(error)
        yield [rows.get(k, failed | {"num_observation": k}) for k in cell.observations], False
        return
    calibrated = Scores()
    if cell.calibration:
        blank |= {"num_calibration": cell.calibration}
        if method.amortized:
            score_calibration(calibrated, task, posterior, cell.calibration, cell.seed, cell.metrics)
    with_ppc = cell.metrics is None or "ppc" in cell.metrics
    predictive = Predictive.of_cell(task, data if with_ppc else None, cell)
    if predictive.line:
        inside_worker.report(predictive.line)
    references: dict[int, Tensor | Exception | None] = {}

    def sampled(k: int, parts: int) -> tuple[Row, Draws | None]:
        """The row of an observation and what is to be scored; an OverdueError leaves after its share."""
        row = blank | {"num_observation": k} | load_columns(blank)
        torch.set_num_threads(cell.threads)
        inside_worker.report(k)
        try:
            with left_alone(state, f"sampling {cell.method}"), interrupted_after(share(parts)):
                references[k] = reference_of(task, k)
                more, draws = sample_observation(task, posterior, cell, k, blank, references[k])
        except BaseException as error:
            if inside_worker.ends_run(error) or isinstance(error, OverdueError):
                raise
            return row | failure(error), None
        finally:
            inside_worker.report(0)
        if cell.keep_samples:
            first = draws.samples[: cell.keep_samples].numpy()
            inside_worker.report(KeptSamples(k, more["samples_sha256"], first))
        return row | more, draws

    def restore() -> None:
        if state.restored(but=("torch's number of threads",)):
            inside_worker.retire()

    def scored(rows: dict[int, Row], draws: dict[int, Draws]) -> list[Row]:
        scores = {k: calibrated.copy() for k in draws}
        return scored_rows(cell, rows, draws, scores, references, predictive, after=restore)

    draws: dict[int, Draws] = {}
    overdue: list[int] = []
    for index, k in enumerate(observations):
        left = len(observations) - index
        try:  # one more part is for scoring
            rows[k], one = sampled(k, left + 1 if len(observations) > 1 else 0)
        except OverdueError:
            overdue.append(k)
            continue
        if one is not None:
            draws[k] = one
    yield scored(rows, draws), bool(overdue)
    for index, k in enumerate(overdue):
        start = time.monotonic()
        try:
            row, one = sampled(k, len(overdue) - index)
        except OverdueError:
            text = f"OutOfTimeError: not done after {time.monotonic() - start:.1f} s, its share of the limit"
            late = {"num_observation": k, "status": "timeout", "error": text}
            yield [blank | late], k != overdue[-1]
            continue
        yield scored({k: row}, {} if one is None else {k: one}), k != overdue[-1]


@contextlib.contextmanager
def left_alone(state: GlobalState, what: str) -> Iterator[None]:
    """Return a context for code of a task or method, after which global state is what it was.

    Raises:
        ChangedStateError: if the code left it changed.
    """
    try:
        yield
    except BaseException as error:
        if state.restored() or not isinstance(error, Exception):
            inside_worker.retire()
        raise
    changes = state.restored()
    if changes:
        inside_worker.retire()
        raise ChangedStateError(
            f"{what} left global state changed, which other cells share: {'; '.join(changes)}"
        )


def _processor_s() -> float:
    """Return the processor seconds of this process and of its children that have ended, on all cores."""
    return sum(os.times()[:4])


def _bad(task: Task, cell: Cell) -> dict[int, Row]:
    """Return the error columns of observations that cannot be used, before anything is simulated."""
    bad: dict[int, Row] = {}
    for k in cell.observations:
        try:
            task.observation(k)
        except Exception as error:
            bad[k] = failure(error)
    return bad
