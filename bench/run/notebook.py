"""The progress of a run in a notebook: one output below the cell, updated in place."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import time
from collections.abc import Iterator
from typing import Any

from rich.console import Console

__all__ = ["notebook_console"]

WIDTH = 110  # characters of a line
PAUSE = 0.5  # seconds between two updates of the output, which a notebook keeps
LINES = 1000  # latest lines that are kept in the output; the log file of the run has all

_CONTROL = re.compile(r"\x1b\[(\??\d*)([A-Za-z])|\r|\n")


@contextlib.contextmanager
def notebook_console() -> Iterator[Console | None]:
    """Return a context with a console that writes into the present cell's output; None outside of notebooks.

    The command line's progress bar needs a terminal, or a package of widgets in a notebook. This console is a
    small terminal instead, whose screen is one output of the cell.
    """
    if not _in_notebook():
        yield None
        return
    with contextlib.closing(_Screen()) as screen:
        yield Console(
            file=screen,
            force_terminal=True,
            force_jupyter=False,
            color_system=None,
            legacy_windows=False,
            highlight=False,
            width=WIDTH,
            soft_wrap=True,
        )


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")  # where it is not imported, this is no notebook
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


class _Screen(io.StringIO):
    """A terminal of a few control codes: those by which a progress bar is drawn and drawn again."""

    def __init__(self) -> None:
        super().__init__()
        self._lines, self._row = [""], 0
        self._output: Any = None  # IPython's handle of what is shown below the cell
        self._shown = -PAUSE

    def write(self, text: str) -> int:
        """Put text where the cursor is, and obey the control codes in it."""
        position = 0
        for found in _CONTROL.finditer(text):
            self._lines[self._row] += text[position : found.start()]
            position = found.end()
            self._obey(found)
        self._lines[self._row] += text[position:]
        return len(text)

    def flush(self) -> None:
        """Show the screen, unless it was shown a moment ago."""
        if time.monotonic() - self._shown >= PAUSE:
            self._show()

    def close(self) -> None:
        """Show the last state of the screen."""
        if not self.closed:
            self._show()
        super().close()

    def _obey(self, found: re.Match[str]) -> None:
        if found[0] == "\n":
            self._row += 1
            if self._row == len(self._lines):
                self._lines.append("")
                too_many = max(0, len(self._lines) - LINES)
                del self._lines[:too_many]
                self._row -= too_many
        elif found[0] == "\r" or found[2] == "K":
            self._lines[self._row] = ""
        elif found[2] == "A":
            self._row = max(0, self._row - int(found[1] or 1))

    def _show(self) -> None:
        from IPython.display import display

        self._shown = time.monotonic()
        shown = {"text/plain": "\n".join(self._lines).rstrip()}
        if self._output is not None:
            self._output.update(shown, raw=True)
        elif shown["text/plain"]:
            self._output = display(shown, raw=True, display_id=True)
