"""A table of the page as its template shows it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Cell", "GridTable", "number", "simulations"]


@dataclass(frozen=True)
class Cell:
    """One value in a table.

    Attributes:
        text: What is shown.
        note: A smaller text behind it, such as a spread.
        best: Whether it is the best of its column, and shown bold.
    """

    text: str
    note: str = ""
    best: bool = False


@dataclass(frozen=True)
class GridTable:
    """A table in which the first cell of each line is its heading.

    Attributes:
        caption: What the table shows, with units.
        columns: Headings.
        groups: Lines in groups, each with a heading of its own, which may be empty.
        words: Whether the cells are words, which begin at the left, and not numbers.
        notes: Sentences below the table.
    """

    caption: str
    columns: Sequence[str]
    groups: dict[str, list[list[Cell]]]
    words: bool = False
    notes: list[str] = field(default_factory=list)


def number(value: float | None, digits: int | None = None) -> str:
    """Return a number as tables show it, a dash if there is none.

    Arguments:
        value: The number; NaN counts as none.
        digits: Digits behind the decimal point; None for two or three significant ones.

    Example:
        >>> number(0.62649, 3), number(1234.6), number(0.0123), number(float("nan"))
        ('0.626', '1 235', '0.012', '–')
    """
    if value is None or math.isnan(value):
        return "–"
    if digits is not None:
        return f"{value:.{digits}f}"
    if abs(value) >= 100 or value == 0:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.2g}"


def simulations(budget: object) -> str:
    """Return a budget in words.

    Example:
        >>> simulations(10000)
        '10 000 simulations'
    """
    count = int(str(budget))
    return f"{count:,} simulation{'s' if count != 1 else ''}".replace(",", " ")
