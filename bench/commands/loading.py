"""A word to the user while slow packages are imported, and silence of plug-ins that print."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from collections.abc import Iterator

from bench.commands.complaint import tell

__all__ = ["prints_kept", "said_if_slow"]

PATIENCE = 0.5  # seconds without a word
ERASE = "\r\x1b[K"


@contextlib.contextmanager
def said_if_slow(line: str, seconds: float | None = None) -> Iterator[None]:
    """Return a context that prints a line on standard error if it lasts for longer than some seconds.

    On a terminal the line is printed at once, and erased when the context ends.

    Arguments:
        line: Text without a line break.
        seconds: Seconds without a word, on anything but a terminal; by default ``PATIENCE``.
    """
    if sys.stderr.isatty():
        tell(line, err=True, newline=False)
        try:
            yield
        finally:
            sys.stderr.write(ERASE)
            sys.stderr.flush()
        return
    timer = threading.Timer(PATIENCE if seconds is None else seconds, tell, [line], {"err": True})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def prints_kept() -> Iterator[io.StringIO]:
    """Return a context in which what Python code prints goes into the text that the context gives."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        yield text
