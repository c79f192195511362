"""Which rows have failed, and how tables and captions name them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["asked_for_less", "failed_rows", "left_out"]

MOST = 12  # places that are named


def failed_rows(rows: pd.DataFrame, metrics: Sequence[str] = ()) -> pd.Series:
    """Return which rows failed, or have no finite value of a metric because the metric failed.

    Arguments:
        rows: Rows with the column ``status``.
        metrics: Columns of numbers; without any, only the status counts.
    """
    failed = rows["status"] != "ok"
    errors = rows.reindex(columns=["metric_errors"])["metric_errors"].astype(object).fillna("").astype(str)
    for metric in metrics:
        if metric in rows and rows[metric].dtype.kind in "fiu":
            value = rows[metric].astype(float)
            named = errors.str.contains(f'"{metric}"', regex=False)
            failed |= (named & value.isna()) | np.isinf(value)
    return failed


def asked_for_less(failed: pd.DataFrame, size: float | None) -> pd.Series:
    """Return which failed rows asked for fewer posterior samples than the values of a table or figure have.

    Arguments:
        failed: Failed rows.
        size: Number of posterior samples of the values; None if they have several.
    """
    asked = failed.reindex(columns=["num_posterior_samples"])["num_posterior_samples"]
    less = asked < (-np.inf if size is None else size)
    return (failed["status"] != "ok") & asked.notna() & less


def left_out(places: Iterable[tuple[str, str, object, object]]) -> str:
    """Return a sentence on failed rows.

    Arguments:
        places: Method, task, budget and number of failed rows of each.

    Example:
        >>> left_out([("npe", "sir", 1000, "1 of 3")])
        'Rows that failed are left out: npe on sir at 1000 (1 of 3).'
    """
    named = [f"{method} on {task} at {budget} ({number})" for method, task, budget, number in places]
    more = [f"and {len(named) - MOST} more"] if len(named) > MOST else []
    return f"Rows that failed are left out: {', '.join([*named[:MOST], *more])}."
