"""Makes SIGTERM, which batch systems send before they kill a process, end a run as Ctrl-C does.

While a run stops its processes, another Ctrl-C or SIGTERM would only break this off half-way, with a
traceback. Such a signal is therefore ignored.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["Terminated", "interrupted_once", "sigterm_interrupts"]


class Terminated(KeyboardInterrupt):
    """The process received SIGTERM."""


@contextlib.contextmanager
def interrupted_once() -> Iterator[None]:
    """Return a context in which only the first Ctrl-C raises KeyboardInterrupt.

    The next ones are ignored, also after the context, while the interpreter ends. In another thread than the
    main one, or where Ctrl-C has a handler of its own, nothing is changed.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Return a context in which the first SIGTERM raises :class:`Terminated` in the main thread.

    Afterwards, SIGTERM and Ctrl-C are ignored up to the end of the process, whose status tells of the signal.
    """
    received = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal received
        received = True
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        raise Terminated

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt as error:
        if received and not isinstance(error, Terminated):  # ray raises its own
            raise Terminated from error
        raise
    finally:
        if signal.getsignal(signal.SIGTERM) is interrupt:
            signal.signal(signal.SIGTERM, before)
