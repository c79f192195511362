"""What several commands ask of their arguments; a :class:`bench.errors.UsageError` says what is wrong."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.results.directories import nearest_directory

if TYPE_CHECKING:
    from tasks.tools.certified_task import CertifiedTask

__all__ = [
    "certified_task",
    "digits_tasks",
    "known_tasks",
    "known_toys",
    "referenced_tasks",
    "usable",
    "writable",
]


def certified_task(name: str) -> CertifiedTask:
    """The task of that name, if its reference posterior is made here."""
    import tasks
    from tasks.tools.certified_task import CertifiedTask

    task = tasks.get(name)
    if not isinstance(task, CertifiedTask):
        others = [other for other in tasks.names() if issubclass(tasks.task_class(other), CertifiedTask)]
        raise UsageError(f"the reference of {name} is not made here; tasks that are: {', '.join(others)}")
    return task


def known_tasks(names: Sequence[str]) -> list[str]:
    """The names, if they are tasks'; each once."""
    import tasks

    for name in names:
        tasks.get(name)
    return list(dict.fromkeys(names))


def referenced_tasks(names: Sequence[str], observations: Sequence[int], num_samples: int) -> list[str]:
    """The names, if their tasks have as many reference draws of each observation; all such tasks for none."""
    import tasks

    if not names:
        return [name for name in tasks.names() if not _lacks(name, observations, num_samples)]
    known = known_tasks(names)
    for name in known:
        if lacks := _lacks(name, observations, num_samples):
            raise UsageError(lacks)
    return known


def _lacks(name: str, observations: Sequence[int], num_samples: int) -> str:
    import tasks

    try:
        task = tasks.get(name)
    except tasks.TaskError as error:
        return str(error)
    for k in observations:
        if not 1 <= k <= task.num_observations:
            return f"observation = {k}: task {name} has observations 1 to {task.num_observations}"
        reference = task.reference_samples(k)
        if reference is None:
            return f"task {name} has no reference posterior, without which there is no C2ST; sir has one"
        if len(reference) < num_samples:
            return f"task {name} has {len(reference)} reference draws, {num_samples} are needed"
    return ""


def digits_tasks(names: Sequence[str]) -> list[str]:
    """The names, if they are those of tasks whose prior is a generator of digits."""
    import tasks
    from tasks.digits.generator_prior import GeneratorPrior

    there = [name for name in tasks.names() if issubclass(tasks.task_class(name), GeneratorPrior)]
    for name in known_tasks(names):
        if name not in there:
            raise UsageError(f"the prior of {name} is no generator of digits; there are: {', '.join(there)}")
    return list(names)


def known_toys(names: Sequence[str]) -> list[str]:
    """The names, if they are those of toy data sets; all of them where none is given."""
    from bench.studies.inflationary import TOYS

    for name in names:
        if name not in TOYS:
            raise UsageError(f"unknown toy {name!r}; there are: {', '.join(TOYS)}")
    return list(names or TOYS)


def usable(device: str) -> str:
    """The device, if torch can use it."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device = 'cuda': this machine has no CUDA device that torch can use; cpu would do")
    return device


def writable(path: Path, option: str = "out") -> Path:
    """The path of a directory to write to, absolute; what can be known of it before is checked.

    Raises:
        UsageError: where it, or a parent of it, is a file or may not be written to.
    """
    nearest = nearest_directory(path, option)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(f"{option}: {nearest} may not be written to, name another directory")
    return path.absolute()
