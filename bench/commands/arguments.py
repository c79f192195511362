"""Checks of arguments that several commands share; each raises :class:`bench.errors.UsageError`."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.errors import UsageError
from bench.results.directories import nearest_directory, sound

if TYPE_CHECKING:
    from tasks import Task
    from tasks.digits.generator_prior import GeneratorPrior
    from tasks.tools.certified_task import CertifiedTask

__all__ = [
    "FilePath",
    "certified_task",
    "digits_tasks",
    "finite",
    "known_tasks",
    "known_toys",
    "referenced_tasks",
    "usable",
    "writable",
]


class FilePath(click.Path):
    """The type of a path in click, which refuses what cannot be a path, too."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Return the path; click prints one line if it is refused."""
        try:
            sound(value, "path")
        except UsageError as error:
            self.fail(str(error).removeprefix("path: "), param, ctx)
        return super().convert(value, param, ctx)


def certified_task(name: str) -> CertifiedTask:
    """Return the task of that name, if the suite makes its reference posterior itself.

    Raises:
        UsageError: if the reference posterior comes from elsewhere, or there is none.
    """
    import tasks
    from tasks.tools.certified_task import CertifiedTask

    task = tasks.get(name)
    if not isinstance(task, CertifiedTask):
        others = [other for other in tasks.names() if issubclass(tasks.task_class(other), CertifiedTask)]
        raise UsageError(
            f"the suite does not make the reference of {name}; it makes those of {', '.join(others)}"
        )
    return task


def known_tasks(names: Sequence[str]) -> list[Task]:
    """Return the tasks of these names, without duplicates."""
    import tasks

    return [tasks.get(name) for name in dict.fromkeys(names)]


def referenced_tasks(names: Sequence[str], observations: Sequence[int], num_samples: int) -> list[Task]:
    """Return tasks that have ``num_samples`` reference draws of every observation given.

    Arguments:
        names: Names of tasks; if empty, all tasks with enough reference draws are returned.
        observations: Numbers of observations, from 1.
        num_samples: Number of reference draws that each observation needs.

    Raises:
        UsageError: if a task that was named lacks an observation or reference draws.
    """
    import tasks

    if not names:
        known = []
        for name in tasks.names():
            with contextlib.suppress(tasks.TaskError):  # of an installed package: the others are used
                known.append(tasks.get(name))
        return [task for task in known if not _lacks(task, observations, num_samples)]
    known = known_tasks(names)
    for task in known:
        if lacks := _lacks(task, observations, num_samples):
            raise UsageError(lacks)
    return known


def _lacks(task: Task, observations: Sequence[int], num_samples: int) -> str:
    for k in observations:
        if not 1 <= k <= task.num_observations:
            return f"observation = {k}: task {task.name} has observations 1 to {task.num_observations}"
        reference = task.reference_samples(k)
        if reference is None:
            return f"task {task.name} has no reference posterior, which a C2ST needs; sir has one"
        if len(reference) < num_samples:
            return f"task {task.name} has {len(reference)} reference draws, {num_samples} are needed"
    return ""


def finite(context: click.Context, option: click.Parameter, value: float) -> float:
    """Return the number of an option; a callback of click, whose ranges let NaN and infinity through.

    Raises:
        BadParameter: if the number is not finite.
    """
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is not a finite number.")
    return value


def digits_tasks(names: Sequence[str]) -> list[GeneratorPrior]:
    """Return the tasks of these names, if the prior of every one is a generator of digits.

    Raises:
        UsageError: if a task has another prior.
    """
    import tasks
    from tasks.digits.generator_prior import GeneratorPrior

    known = []
    for task in known_tasks(names):
        if not isinstance(task, GeneratorPrior):
            there = [name for name in tasks.names() if issubclass(tasks.task_class(name), GeneratorPrior)]
            raise UsageError(
                f"the prior of {task.name} is not a generator of digits; tasks with one: {', '.join(there)}"
            )
        known.append(task)
    return known


def known_toys(names: Sequence[str]) -> list[str]:
    """Return the names, if all are names of toy data sets; without names, return all toy data sets.

    Raises:
        UsageError: for an unknown name.
    """
    from bench.studies.inflationary import TOYS

    for name in names:
        if name not in TOYS:
            raise UsageError(f"unknown toy {name!r}; known: {', '.join(TOYS)}")
    return list(names or TOYS)


def usable(device: str) -> str:
    """Return the device, if torch can use it.

    Raises:
        UsageError: if torch finds no such device.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device = 'cuda': this machine has no CUDA device that torch can use; use cpu")
    return device


def writable(path: Path, option: str = "out") -> Path:
    """Return the absolute path of a directory to write to, after checking that it can be written.

    Arguments:
        path: Directory, which need not exist yet.
        option: Name of the option that gave the path, for the message.

    Raises:
        UsageError: if the path, or a parent of it, is a file or may not be written to.
    """
    nearest = nearest_directory(path, option)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(f"{option}: no permission to write to {nearest}; name another directory")
    return path.absolute()
