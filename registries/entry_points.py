"""What installed packages declare under an entry-point group; one that cannot be loaded is one warning."""

from __future__ import annotations

import logging
import multiprocessing
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

__all__ = ["EntryPoints"]

_said: set[tuple[str, str]] = set()


class EntryPoints:
    """The entry points of a group, loaded when :meth:`load` is first called.

    Arguments:
        group: Name of the group, such as ``scorebench.tasks``.

    Attributes:
        failed: Name of each entry point that could not be loaded, and the warning that was given.
    """

    def __init__(self, group: str) -> None:
        self.failed: dict[str, str] = {}
        self._group = group
        self._waiting: list[EntryPoint] | None = None

    def load(self, take: Callable[[str, object], None]) -> None:
        """Load what has not been loaded, and pass each name with its object on.

        Whatever a package raises, :class:`KeyboardInterrupt` excepted, becomes a warning that names it.

        Arguments:
            take: Receives the name of an entry point and what it refers to; may raise.
        """
        if self._waiting is None:
            self._waiting = list(entry_points(group=self._group))
        # Emptied first: a package may look names up while it is loaded.
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
    """Whether the module is half imported: it called for a name, and has not defined its classes yet."""
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))


def _warn(point: EntryPoint, error: BaseException) -> str:
    package = "an unknown package" if point.dist is None else f"package {point.dist.name}"
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    message = f"{package}: entry point {point.name!r} of {point.group} was not loaded ({reason})"
    # A package with several entry points fails for one reason, and the user's own process has said it.
    if (package, reason) not in _said and multiprocessing.parent_process() is None:
        logging.getLogger("scorebench").warning("scorebench: %s", message)
    _said.add((package, reason))
    return message
