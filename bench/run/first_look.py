"""A quick look at the tasks and methods of plug-ins before a run begins."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import torch

import methods
import tasks
from bench.answers.checked_task import AnswerError
from bench.answers.quick_look import look_at_method, look_at_task
from bench.errors import UsageError
from bench.run import isolation
from bench.run.backends import Backend
from bench.run.cell import Cell
from bench.run.plugins import SUITE, is_from_plugin

__all__ = ["first_look"]

LONGEST = 120.0  # seconds for a look; what takes longer is left to the cells

Item = TypeVar("Item")


def first_look(
    cells: Sequence[Cell], say: Callable[[str], None], backend: Backend, jobs: int, seconds: float | None
) -> None:
    """Look at every task and method of the cells that is not the suite's own.

    A simulator that raises or dies is left to its cells, which get rows with the error. The look is at what
    cannot be right in any cell, such as the shape of simulations.

    Arguments:
        cells: Cells that are about to run.
        say: Function that receives a line of warning.
        backend: Backend of the run. ``sequential`` looks in this process, all others in another one.
        jobs: Number of processes of the run on this machine, of which the look uses one.
        seconds: Time limit of a cell, which limits a look too; None for none.

    Raises:
        UsageError: if a task or method cannot be used; one line says why.
    """
    limit = LONGEST if seconds is None else min(seconds, LONGEST)
    try:
        for spec in dict.fromkeys(cell.method for cell in cells):
            method = methods.get(spec)
            if _is_foreign(type(method)):
                look_at_method(method)
        for cell in {cell.task: cell for cell in reversed(cells)}.values():
            if not _is_foreign(tasks.task_class(cell.task)):
                continue
            if backend == "sequential":
                problem, warnings = look(cell)
            else:
                workers = jobs if backend == "local" else 1
                try:
                    problem, warnings = isolation.isolated(
                        look, cell, workers=workers, seconds=limit, output=Path(os.devnull)
                    )
                except (isolation.DiedError, isolation.OutOfTimeError):
                    continue
            if problem:
                raise UsageError(problem)
            for line in warnings:
                say(line)
    except AnswerError as error:
        isolation.stop()
        raise UsageError(str(error)) from None
    except UsageError:
        isolation.stop()
        raise
    if backend not in ("local", "sequential"):
        isolation.stop()  # the workers of a cluster have processes of their own


def look(cell: Cell) -> tuple[str, list[str]]:
    """Return why the cell's task cannot be used (empty if it can), and warnings."""
    cell.load_plugins()
    torch.set_num_threads(cell.threads)
    try:
        return "", look_at_task(tasks.get(cell.task), cell.observations)
    except AnswerError as error:
        return " ".join(str(error).split()), []


def _is_foreign(cls: type) -> bool:
    return is_from_plugin(cls) or cls.__module__.partition(".")[0] not in SUITE
