"""The rows as the page holds them. Tables and figures of the page are made from what is read back from it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.printable import printable

__all__ = ["COMMAND", "LABEL", "NEWEST", "Dataset", "embed", "in_script", "read_back"]

# Columns that a page adds to those of rows: no metric's name has a space, so none is hidden.
LABEL, COMMAND, NEWEST = "method label", "command line", "newest version"

# The number of rows, and a list of columns: {"name", "kind", "levels", "codes"} for text and curves, where
# codes are places in levels, and {"name", "kind", "values"} for numbers. An empty column has only name and
# kind.
Dataset = dict[str, Any]

DIGITS = 7  # significant digits of numbers, those of a float32
CURVE_DIGITS = 4  # digits behind the decimal point of a curve's values, which are shares
LONGEST = 6000  # characters of an error
JSON = ("params", "changed_params", "metric_errors", "diagnostics")
MOST_ERRORS = 600_000  # characters of all different errors; of further ones only the last line is kept
LAST = 300  # characters of such a line
EXACT = 2**53  # a browser's numbers hold every integer up to here


def embed(rows: pd.DataFrame) -> Dataset:
    """Return rows as a dictionary of plain values, one entry for each column, small enough for a page.

    A text or curve that many rows share is kept once. Numbers are rounded to 7 significant digits, values of
    curves to 4 digits behind the decimal point. Long errors are shortened in the middle. Control characters
    are replaced by escapes.

    Arguments:
        rows: Rows as :meth:`bench.results.store.Store.read` returns them.
    """
    columns = [_column(str(name), rows[name]) for name in rows]
    return {"number": len(rows), "columns": columns}


def read_back(data: Dataset) -> pd.DataFrame:
    """Return the rows of a dataset as a data frame with the columns of the rows it was made from."""
    frame = {column["name"]: _values(column, data["number"]) for column in data["columns"]}
    return pd.DataFrame(frame, index=range(data["number"]))


def in_script(data: Any) -> str:
    r"""Return a value as JSON that may stand inside a script element: no text in it can end the element.

    Example:
        >>> in_script({"name": "</script>"})
        '{"name":"\\u003c/script>"}'
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _column(name: str, values: pd.Series) -> dict[str, Any]:
    if values.isna().all():
        return {"name": name, "kind": "number" if pd.api.types.is_numeric_dtype(values) else "text"}
    if pd.api.types.is_numeric_dtype(values):
        return {"name": name, "kind": "number", "values": [_number(value) for value in values.tolist()]}
    kept = [None if _is_missing(value) else value for value in values.tolist()]
    if any(isinstance(value, list | np.ndarray) for value in kept):
        curves = [None if value is None else tuple(map(float, value)) for value in kept]
        kinds = dict.fromkeys(curve for curve in curves if curve is not None)
        rounded = [[round(one, CURVE_DIGITS) for one in curve] for curve in kinds]
        return {"name": name, "kind": "curve", "levels": rounded, "codes": _codes(curves, kinds)}
    texts = [None if value is None else str(value) for value in kept]
    levels = dict.fromkeys(text for text in texts if text is not None)
    show = _as_json if name in JSON else _lines
    shown = _short_errors(levels) if name == "error" else [show(text) for text in levels]
    return {"name": name, "kind": "text", "levels": shown, "codes": _codes(texts, levels)}


def _codes(values: Sequence[Any], levels: Iterable[Any]) -> list[int | None]:
    numbers = {level: number for number, level in enumerate(levels)}
    return [None if value is None else numbers[value] for value in values]


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def _number(value: Any) -> float | int | str | None:
    """Return a number of JSON; text for what is none, which a browser reads as it is meant."""
    if _is_missing(value):
        return None
    if isinstance(value, int):
        return value if abs(value) <= EXACT else str(value)
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    rounded = float(f"{value:.{DIGITS}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 10**DIGITS else rounded


def _values(column: dict[str, Any], number: int) -> pd.Series:
    if not {"codes", "values"}.intersection(column):
        return pd.Series([None] * number, dtype="float64" if column["kind"] == "number" else object)
    if column["kind"] == "number":
        values = [None if value is None else _read_number(value) for value in column["values"]]
        whole = number > 0 and all(isinstance(value, int) for value in values)
        return pd.Series(values, dtype="int64" if whole else "float64")
    levels = column["levels"]
    if column["kind"] == "curve":
        levels = [np.asarray(level, dtype=float) for level in levels]
    return pd.Series([None if code is None else levels[code] for code in column["codes"]], dtype=object)


def _read_number(value: float | int | str) -> float | int:
    if not isinstance(value, str):
        return value
    return float(value) if value.endswith("Infinity") else int(value)


def _lines(text: str) -> str:
    """Return a text whose lines are printable."""
    return "\n".join(map(printable, text.split("\n")))


def _as_json(text: str) -> str:
    """Return the same JSON in printable characters; other text is escaped like any text."""
    try:
        return json.dumps(json.loads(text))
    except (ValueError, RecursionError):
        return _lines(text)


def _short_errors(texts: Iterable[str]) -> list[str]:
    """Return errors, long ones shortened; from where they take too much room, only the last line of each."""
    shown, size = [], 0
    for text in texts:
        one = text
        if len(text) > LONGEST:
            half = LONGEST // 2
            one = f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"
        if size + len(one) > MOST_ERRORS:
            one = (text.strip().splitlines() or [""])[-1][:LAST]
        size += len(one)
        shown.append(_lines(one))
    return shown
