"""Entry points of installed packages. A package that cannot be loaded causes one warning, not an error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

__all__ = ["EntryPoints"]

_said: set[tuple[str, str]] = set()


class EntryPoints:
    """The entry points of one group. They are loaded when :meth:`load` is first called.

    Arguments:
        group: Name of the group, such as ``scorebench.tasks``.

    Attributes:
        failed: Warnings that were given, by the name of the entry point that could not be loaded.
    """

    def __init__(self, group: str) -> None:
        self.failed: dict[str, str] = {}
        self._group = group
        self._waiting: list[EntryPoint] | None = None

    def load(self, take: Callable[[str, object], None]) -> None:
        """Load all entry points that are not loaded yet, and pass each to ``take``.

        Every exception of a package except :class:`KeyboardInterrupt` is caught and becomes a warning that
        names the package.

        Arguments:
            take: Function that receives the name of an entry point and the loaded object; it may raise.
        """
        if self._waiting is None:
            self._waiting = list(entry_points(group=self._group))
        # The list is emptied first, because a package may look up names while it is loaded and so call this.
        left, self._waiting = self._waiting, []
        for point in left:
            if _being_imported(point.module):
                self._waiting.append(point)
                continue
            try:
                take(point.name, point.load())
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # SystemExit too: a package must not end the program
                self.failed[point.name] = _warn(point, error)


def _being_imported(module: str) -> bool:
    """Whether the module's import is still running: it looked up a name before it defined its classes."""
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))


def _warn(point: EntryPoint, error: BaseException) -> str:
    import multiprocessing  # with sockets and more, which no command needs at once

    package = "an unknown package" if point.dist is None else f"package {point.dist.name}"
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    message = f"{package}: entry point {point.name!r} of {point.group} was not loaded ({reason})"
    # A package with several entry points usually fails for one reason, which is reported once, and only by
    # the user's own process, not by worker processes.
    if (package, reason) not in _said and multiprocessing.parent_process() is None:
        logging.getLogger("scorebench").warning("scorebench: %s", message)
    _said.add((package, reason))
    return message
