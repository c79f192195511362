"""Rows of Python's own types, whatever a method gave."""

from __future__ import annotations

import numbers

from bench.results.schema import Row
from bench.run import inside_worker

__all__ = ["plain_row"]


def plain_row(row: Row) -> Row:
    """Return a row of Python's own types, which can be stored and sent to another process.

    A value of another kind, which a method may have given for one of its attributes, makes it an error row.
    """
    plain: Row = {}
    wrong: Row = {}
    for name, value in row.items():
        try:
            plain[name] = _plain_value(value)
        except BaseException as error:
            if inside_worker.ends_run(error):
                raise
            plain[name] = None
            text = f"TypeError: column {name}: a number was wanted, not {type(value).__name__}"
            wrong = {"status": "error", "error": text}
    return plain | wrong


def _plain_value(value: object) -> object:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, list | tuple):
        return [_plain_value(one) for one in value]
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value)  # type: ignore[arg-type]
