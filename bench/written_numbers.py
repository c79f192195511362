"""Whole numbers as people write them on a command line, in a grid file or in Python: ``1e3``, ``1-3``."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from numbers import Integral
from typing import Any

__all__ = ["LONGEST_RANGE", "number_range", "whole_number"]

LONGEST_RANGE = 1_000_000  # numbers, as many as a grid may have cells
DIGITS = 30  # more than any number that a row can hold, and few enough to write out

_RANGE = re.compile(r"\s*(\d{1,18})\s*-\s*(\d{1,18})\s*", re.ASCII)


def whole_number(value: Any) -> Any:
    """Return the integer that a value means, or the value itself if it means none.

    Text such as ``1e3`` or ``2.5e4``, a float without a fraction, and an integer of numpy are integers. Truth
    values are not.

    Example:
        >>> whole_number("1e3"), whole_number(2.5e4), whole_number("1.5"), whole_number("many")
        (1000, 25000, '1.5', 'many')
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if not isinstance(value, str):
        return value
    try:
        return int(value)
    except ValueError:
        pass
    try:
        number = Decimal(value.strip().replace("_", "x"))  # Decimal ignores underscores anywhere
    except InvalidOperation:
        return value
    # A number such as 1e999999999 would take all memory.
    if number.is_finite() and number.adjusted() <= DIGITS and number == number.to_integral_value():
        return int(number)
    return value


def number_range(value: Any) -> range | None:
    """Return the numbers from A to B, both included, for a text ``A-B``; None for anything else.

    Raises:
        ValueError: if the range is empty or has more than ``LONGEST_RANGE`` numbers.

    Example:
        >>> list(number_range("1-3"))
        [1, 2, 3]
        >>> number_range("3") is None
        True
    """
    found = _RANGE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    first, last = int(found[1]), int(found[2])
    if first > last:
        raise ValueError(f"the range {value.strip()} is empty; the smaller number comes first")
    if last - first >= LONGEST_RANGE:
        raise ValueError(f"the range {value.strip()} has more than {LONGEST_RANGE} numbers")
    return range(first, last + 1)
