"""Makes SIGTERM, which batch systems send before they kill a process, end a run as Ctrl-C does."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

__all__ = ["Terminated", "sigterm_interrupts"]


class Terminated(KeyboardInterrupt):
    """The process received SIGTERM."""


@contextlib.contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Return a context in which SIGTERM raises :class:`Terminated` in the main thread."""
    received = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal received
        received = True
        raise Terminated

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt as error:
        if received and not isinstance(error, Terminated):  # ray raises its own
            raise Terminated from error
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
