"""What several commands ask of their arguments; a :class:`bench.errors.UsageError` says what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.errors import UsageError

if TYPE_CHECKING:
    from tasks.certified_task import CertifiedTask

__all__ = ["certified_task", "digits_tasks", "known_tasks", "known_toys", "usable"]


def certified_task(name: str) -> CertifiedTask:
    """The task of that name, if its reference posterior is made here."""
    import tasks
    from tasks.certified_task import CertifiedTask

    task = tasks.get(name)
    if not isinstance(task, CertifiedTask):
        others = [other for other in tasks.names() if isinstance(tasks.get(other), CertifiedTask)]
        raise UsageError(f"the reference of {name} is not made here; tasks that are: {', '.join(others)}")
    return task


def known_tasks(names: Sequence[str]) -> list[str]:
    """The names, if they are tasks'."""
    import tasks

    try:
        return [tasks.get(name).name for name in names]
    except tasks.UnknownTaskError as error:
        raise UsageError(str(error)) from None


def digits_tasks(names: Sequence[str]) -> list[str]:
    """The names, if they are those of tasks whose prior is a generator of digits."""
    import tasks
    from tasks.digits.generator_prior import GeneratorPrior

    there = [name for name in tasks.names() if isinstance(tasks.get(name), GeneratorPrior)]
    for name in known_tasks(names):
        if name not in there:
            raise UsageError(f"the prior of {name} is no generator of digits; there are: {', '.join(there)}")
    return list(names)


def known_toys(names: Sequence[str]) -> list[str]:
    """The names, if they are those of toy data sets; all of them where none is given."""
    from bench.inflation import TOYS

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
