"""The share of a cell's time limit that one observation may take."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from bench.run import inside_worker

__all__ = ["OverdueError", "interrupted_after", "share"]


class OverdueError(BaseException):
    """An observation took longer than its share of the cell's time. No ``except Exception`` catches it."""


def share(parts: int) -> float | None:
    """Return an equal share of the cell's remaining seconds; None without a time limit or without parts."""
    left = inside_worker.seconds_left()
    return None if left is None or not parts else max(left / parts, 0.01)


@contextlib.contextmanager
def interrupted_after(seconds: float | None) -> Iterator[None]:
    """Return a context in which an OverdueError is raised after some seconds; None for never.

    Code that does not return to Python is not interrupted, and nothing is on Windows. The limit of the whole
    cell, at which its process is killed, still holds.
    """
    main = threading.current_thread() is threading.main_thread()
    if seconds is None or not main or not hasattr(signal, "setitimer"):
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise OverdueError

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
