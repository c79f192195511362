"""A limit on the seconds of a block of Python code."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["OutOfTimeError", "time_limit"]


class OutOfTimeError(BaseException):
    """The block took longer than its limit.

    It is no ``Exception``, since code that handles those would go on after the limit.
    """


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise an error in the block if it takes longer than the limit.

    The error comes between two steps of the Python interpreter, so a long call of a compiled function ends
    first. The limit needs the main thread and a system with interval timers; elsewhere there is none. Limits
    cannot be nested.

    Arguments:
        seconds: Limit in seconds, > 0.

    Raises:
        OutOfTimeError: if the limit is exceeded.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise OutOfTimeError(f"stopped: it took longer than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
