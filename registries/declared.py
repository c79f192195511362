"""Names that source code registers, found without importing it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

__all__ = ["declared", "declared_in", "installed"]

# A decorator with a literal name, and what follows up to the first line of the class's docstring.
_DECORATED = r'^@{decorator}\(["\'](\w+)["\']\)\n(?:@[^\n]*\n)*class [^:]*:\n(?:\s+r?"""([^\n"]*))?'


def declared(module: str, decorator: str) -> dict[str, str]:
    """Return the names that a package's classes are registered under, each with the class's summary.

    Importing the packages of tasks and methods takes seconds, because they import torch. Their files are read
    instead, which takes milliseconds.

    Arguments:
        module: Package that can be imported, such as ``tasks`` or ``bench.metrics``.
        decorator: Name of the decorator, such as ``register_task``.

    Example:
        >>> declared("methods", "register_method")["prior"]
        'Draws of the prior, which ignore x, show the score of a method that learned nothing.'
    """
    top, _, rest = module.partition(".")
    spec = find_spec(top)
    folders = list(spec.submodule_search_locations or []) if spec is not None else []
    found: dict[str, str] = {}
    for folder in folders:
        for file in sorted(Path(folder, *rest.split(".") if rest else []).rglob("*.py")):
            found |= declared_in(file, decorator)
    return dict(sorted(found.items()))


def declared_in(file: Path, decorator: str) -> dict[str, str]:
    """Return the same for one file, for example of a plug-in; nothing if the file cannot be read."""
    return dict(_found(file, decorator))


def _found(file: Path, decorator: str) -> Iterator[tuple[str, str]]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return
    if f"@{decorator}(" not in text:
        return
    for found in re.finditer(_DECORATED.format(decorator=decorator), text, flags=re.MULTILINE):
        yield found[1], (found[2] or "").strip()


def installed(kind: str) -> list[str]:
    """Return the names of the entry points of installed packages, for a kind such as ``task``.

    An entry point whose object is a module registers names of its own, which are not known before it is
    imported; its name is left out.
    """
    return sorted(point.name for point in entry_points(group=f"scorebench.{kind}s") if point.attr)
