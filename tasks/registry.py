"""Names of tasks: registering one, and finding it again."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

import catalogue

from tasks.base import Task, UnknownTaskError

__all__ = ["get", "names", "register_task"]

_registry = catalogue.Registry(("scorebench.tasks",), entry_points=True)


def register_task(name: str) -> Callable[[type[Task]], type[Task]]:
    """Class decorator that makes a task known under ``name`` (lower case, digits, underscores).

    Raises:
        ValueError: if the name is malformed, or another class has it.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"task name {name!r}: lower-case letters, digits and underscores only")

    def register(cls: type[Task]) -> type[Task]:
        known = _registry.get_all().get(name)
        # The same class again is a module that was reloaded.
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"task name {name!r} is taken by {known.__module__}.{known.__qualname__}")
        cls.name = name
        return _registry.register(name, func=cls)

    return register


def names() -> list[str]:
    """Names of all registered tasks, those of installed plug-ins (group ``scorebench.tasks``) included."""
    return sorted(_registry.get_all())


def get(name: str) -> Task:
    """The task registered under ``name``.

    Raises:
        UnknownTaskError: naming the nearest known task.
    """
    known = _registry.get_all()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
        raise UnknownTaskError(f"unknown task {name!r}; {hint}")
    return known[name]()
