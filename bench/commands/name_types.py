"""Types of click for names of tasks, methods, metrics and preset grids, which a shell can complete.

Names are read from source code, because importing the tasks and methods takes seconds. Names of plug-ins on
the same command line are included.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from bench.commands.arguments import FilePath
from bench.run.presets import presets, summary
from registries.declared import declared, declared_in, installed

__all__ = ["METHOD", "METRICS", "PART", "TASK", "GridPath"]

# Package and decorator that register the names of a kind.
SOURCES = {
    "task": ("tasks", "register_task"),
    "method": ("methods", "register_method"),
    "metric": ("bench.metrics", "register_metric"),
    "figure": ("bench.results.figures", "register_figure"),
}


class NameType(click.types.StringParamType):
    """A name of one of several kinds. It is not checked here: a command may load plug-ins first.

    Arguments:
        *kinds: Keys of ``SOURCES``.
        separator: Character between several names in one value; empty if a value is one name.
    """

    def __init__(self, *kinds: str, separator: str = "") -> None:
        self._kinds, self._separator = kinds, separator

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names that begin with the last, incomplete name, with a summary of each."""
        before, last = "", incomplete
        if self._separator:
            before, separator, last = incomplete.rpartition(self._separator)
            before += separator
        files = [Path(path) for path in _as_paths(ctx.params.get("plugin"))]
        names: dict[str, str] = {}
        for kind in self._kinds:
            package, decorator = SOURCES[kind]
            names |= dict.fromkeys(installed(kind), "") | declared(package, decorator)
            for file in files:
                names |= declared_in(file, decorator)
        return [
            CompletionItem(f"{before}{name}", help=help_ or None)
            for name, help_ in sorted(names.items())
            if name.startswith(last)
        ]


class GridPath(FilePath):
    """A grid file or the name of a preset grid."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the preset grids that begin with the text, and let the shell add files."""
        grids = [
            CompletionItem(name, help=summary(file))
            for name, file in presets().items()
            if name.startswith(incomplete)
        ]
        return [*grids, *super().shell_complete(ctx, param, incomplete)]


def _as_paths(value: Any) -> Iterable[str]:
    return [value] if isinstance(value, str) else value or []


TASK, METHOD = NameType("task"), NameType("method")
METRICS = NameType("metric", separator=",")
PART = NameType("task", "method", "metric", "figure")
