"""Means of a metric with their spread, and what a metric is called on an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.metrics import columns, metrics
from bench.printable import printable
from bench.results.ends_of_scale import FLOOR
from bench.results.figures.figure import label
from bench.results.figures.options import Interval
from bench.results.schema import COLUMNS
from registries import nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["C2STS", "INTERVALS", "axis_label", "check_metric", "estimates", "is_c2st", "lower_is_better"]
__all__ += ["metric_name", "without_floor"]

C2STS = {"c2st": "C2ST", "c2st_es": "C2ST (early stopping)", "c2st_rf": "C2ST (random forest)"}
INTERVALS = {
    "sd": "standard deviations over observations and seeds",
    "se": "standard errors of the mean over observations and seeds",
    "ci95": "95 % confidence intervals of the mean over observations and seeds (Student's t)",
}


def check_metric(name: str, rows: pd.DataFrame) -> str:
    """Return the name of a metric, if rows may have a value of it.

    Raises:
        UsageError: if it is no metric with a number, neither of the suite nor of a plug-in that wrote rows.
    """
    known = [column for column, kind in columns().items() if kind == "number"]
    known += [str(column) for column in rows.select_dtypes("number") if column not in (*COLUMNS, *known)]
    if name not in known:
        raise UsageError(f"metric: unknown {printable(name)!r}; {nearest(name, known)}")
    return name


def is_c2st(metric: str) -> bool:
    """Return whether a metric is a C2ST, from 0.5 (perfect) to 1."""
    return metric in C2STS


def lower_is_better(metric: str) -> bool:
    """Return whether samples are better if a metric is lower, as it is taken of an unknown metric."""
    known = metrics().get(metric)
    return known is None or known.better == "lower"


def metric_name(metric: str) -> str:
    """Return the name of a metric in a text of a figure."""
    return C2STS.get(metric) or label(metric)


def axis_label(metric: str) -> str:
    """Return the label of an axis with values of a metric."""
    if is_c2st(metric):
        return f"{metric_name(metric)}, 0.5 is best"
    return f"{metric_name(metric)}, {'lower' if lower_is_better(metric) else 'higher'} is better"


def estimates(rows: pd.DataFrame, groups: list[str], metric: str, interval: Interval) -> pd.DataFrame:
    """Return the mean of a metric for each group, with the ends of its interval.

    Returns:
        The columns ``groups``, ``mean``, ``low``, ``high`` and ``rows``. A group of one row has no spread:
        its interval is its mean.
    """
    from scipy.stats import t

    found = rows.groupby(groups)[metric].agg(mean="mean", spread="std", rows="count").reset_index()
    half = found["spread"].fillna(0.0)
    if interval != "sd":
        half = half / found["rows"] ** 0.5
    if interval == "ci95":
        half = half * t.ppf(0.975, (found["rows"] - 1).clip(lower=1))
    return found.assign(low=found["mean"] - half, high=found["mean"] + half).drop(columns="spread")


def without_floor(rows: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, dict[str, float]]:
    """Rows of methods proper, and the mean metric of ``reference`` for each task that has such rows.

    Where the rows are of ``reference`` alone, it is taken for a method.
    """
    is_floor = rows["method"] == FLOOR
    if is_floor.all():
        return rows, {}
    means = rows[is_floor].groupby("task")[metric].mean()
    return rows[~is_floor], {str(task): float(mean) for task, mean in means.items()}
