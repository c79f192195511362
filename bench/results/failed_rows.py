"""Which rows have failed, and how tables and captions name them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

__all__ = ["failed_rows", "left_out", "some"]

MOST = 12  # places that are named


def failed_rows(rows: pd.DataFrame, metric: str = "") -> pd.Series:
    """Return which rows failed, or have no finite value of a metric because the metric failed.

    Arguments:
        rows: Rows with the columns ``status``, ``metric_errors`` and, if they have it, that of the metric.
        metric: Column of numbers; without one, only the status counts.
    """
    failed = rows["status"] != "ok"
    if not metric or metric not in rows:
        return failed
    value = rows[metric].astype(float)
    errors = rows["metric_errors"].fillna("").str.contains(f'"{metric}"', regex=False)
    return failed | (errors & value.isna()) | np.isinf(value)


def some(places: Sequence[str], most: int = MOST) -> str:
    """Return the first places of a list, and how many more there are."""
    more = [f"and {len(places) - most} more"] if len(places) > most else []
    return ", ".join([*places[:most], *more])


def left_out(places: Iterable[tuple[str, str, object, object]]) -> str:
    """Return a sentence on failed rows.

    Arguments:
        places: Method, task, budget and number of failed rows of each.

    Example:
        >>> left_out([("npe", "sir", 1000, "1 of 3")])
        'Rows that failed are left out: npe on sir at 1000 (1 of 3).'
    """
    named = [f"{method} on {task} at {budget} ({number})" for method, task, budget, number in places]
    return f"Rows that failed are left out: {some(named)}."
