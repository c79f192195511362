"""Tables for print as plain text, in blocks that fit the width of a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len

from bench.printable import printable
from bench.results.tables.printed import Entry, Printed

__all__ = ["as_text"]

GAP = "   "
NARROWEST = 20  # characters of a terminal below which nothing is fitted


def as_text(table: Printed, width: int | None = None) -> str:
    """Return the table as lines of text, ending in a newline.

    A best entry ends in ``*``, one that cannot be told from it in ``~``.

    Arguments:
        table: The table.
        width: Width of the terminal. Columns that do not fit go into further blocks below, each with the
            columns of names; notes are wrapped. None prints one block.
    """
    lines = [[_shown(entry) for entry in line] for _, group in table.groups for line in group]
    head = [printable(name) for name in table.head]
    widths = [max(map(cell_len, column)) for column in zip(head, *lines, strict=True)]
    room = None if width is None else max(width, NARROWEST)
    blocks = [_block(table, head, widths, columns) for columns in _blocks(widths, table.labels, room)]
    notes = [printable(note) for note in table.notes_with("*", "~")]
    if room is not None:
        notes = [line for note in notes for line in textwrap.wrap(note, room, break_on_hyphens=False)]
    return "\n\n".join(filter(None, ["\n\n".join(blocks), "\n".join(notes)])) + "\n"


def _shown(entry: Entry) -> str:
    # A blank where others have a star keeps the digits of a column below each other.
    return printable(entry.text) + entry.mark + ("*" if entry.best else "~" if entry.close else "")


def _blocks(widths: Sequence[int], labels: int, room: int | None) -> list[list[int]]:
    """Return the columns of each block; a block has the columns of names and at least one other."""
    names = list(range(labels))
    start = sum(widths[:labels]) + len(GAP) * (labels - 1)
    blocks, used = [list(names)], start
    for column in range(labels, len(widths)):
        more = len(GAP) + widths[column]
        if room is not None and used + more > room and len(blocks[-1]) > labels:
            blocks.append(list(names))
            used = start
        blocks[-1].append(column)
        used += more
    return blocks


def _block(table: Printed, head: Sequence[str], widths: Sequence[int], columns: Sequence[int]) -> str:
    def line(texts: Sequence[str]) -> str:
        cells = [_padded(texts[k], widths[k], left=k < table.labels) for k in columns]
        return GAP.join(cells).rstrip()

    rule = "─" * (sum(widths[k] for k in columns) + len(GAP) * (len(columns) - 1))
    lines = [line(head), rule]
    for title, group in table.groups:
        lines += [f"[{printable(title)}]"] if title else []
        lines += [line([_aligned(entry, group, k) for k, entry in enumerate(one)]) for one in group]
    return "\n".join(lines)


def _aligned(entry: Entry, group: Sequence[Sequence[Entry]], column: int) -> str:
    """Return the text of an entry, as long as its neighbours' where only these have a star behind them."""
    starred = any(line[column].best or line[column].close for line in group)
    return _shown(entry) + (" " if starred and not (entry.best or entry.close) else "")


def _padded(text: str, width: int, *, left: bool) -> str:
    blank = " " * max(0, width - cell_len(text))
    return text + blank if left else blank + text
