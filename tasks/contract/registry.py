"""The registry of tasks: functions that register a task and find it by name."""

from __future__ import annotations

from numbers import Integral

from registries import Registry
from tasks.contract.base import Task, TaskError, UnknownTaskError

__all__ = ["get", "names", "register_task", "task_class"]

NUMBERS = ("dim_theta", "dim_x", "num_observations")

_registry: Registry[Task] = Registry("task", Task, UnknownTaskError)  # type: ignore[type-abstract]

register_task = _registry.register
task_class = _registry.find


def names() -> list[str]:
    """Sorted names of all registered tasks, including those of installed packages (``scorebench.tasks``)."""
    return sorted(_registry.classes())


def get(name: str) -> Task:
    """An instance of the task that is registered under ``name``.

    Raises:
        UnknownTaskError: if no task has the name; the message suggests the nearest known name.
        TaskError: if the class cannot be instantiated without arguments, or if ``dim_theta``, ``dim_x`` or
            ``num_observations`` is not a positive integer.
    """
    cls = task_class(name)
    try:
        task = cls()
        values = {number: getattr(task, number, None) for number in NUMBERS}
    except Exception as error:
        raise TaskError(f"task {name!r} cannot be made: {type(error).__name__}: {error}") from error
    for number, value in values.items():
        if not isinstance(value, Integral) or value < 1:
            raise TaskError(f"task {name!r}: {number} = {value!r}, a positive integer is wanted")
    return task
