"""How far the mean of values is uncertain, and which methods cannot be told from the best."""

from __future__ import annotations

import math
from functools import cache
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

__all__ = ["INTERVALS", "Interval", "interval_name", "spread", "within_noise"]

Interval = Literal["sd", "se", "ci95", "none"]
INTERVALS: tuple[Interval, ...] = get_args(Interval)
LEVEL = 0.95
NAMES = {
    "sd": "standard deviation",
    "se": "standard error",
    "ci95": "half the width of the 95 % interval of the mean (t)",
    "none": "",
}


def interval_name(interval: Interval) -> str:
    """Return what an interval is, as notes of tables say it."""
    return NAMES[interval]


def spread(sd: float, num: int, interval: Interval) -> float:
    """Return what stands behind ±; NaN for less than two values.

    Arguments:
        sd: Standard deviation of the values (of a sample, so with ``num - 1``).
        num: Number of values.
        interval: ``sd``, ``se`` (sd/√num), ``ci95`` (se times the quantile of Student's t) or ``none``.

    Example:
        >>> [round(spread(2.0, 4, one), 3) for one in ("sd", "se", "ci95", "none")]
        [2.0, 1.0, 3.182, nan]
    """
    if num < 2 or interval == "none":
        return math.nan
    se = sd / math.sqrt(num)
    return {"sd": sd, "se": se, "ci95": se * _quantile(num)}[interval]


@cache
def _quantile(num: int) -> float:
    """Quantile of Student's t for a two-sided interval of ``num`` values."""
    return float(stats.t.ppf((1 + LEVEL) / 2, num - 1))


def within_noise(worse: pd.Series | np.ndarray) -> bool:
    """Return whether a mean difference may be 0 or less: its 95 % interval by Student's t reaches 0.

    Arguments:
        worse: By how much a method is worse than the best, for each observation and seed that both have.
            With less than two values nothing is known of the noise, and only an equal value is within it.

    Example:
        >>> within_noise(pd.Series([0.1, -0.1, 0.2])), within_noise(pd.Series([0.1, 0.1, 0.12]))
        (True, False)
    """
    known = np.asarray(worse, float)
    if len(known) < 2:
        return bool((known == 0).all() and len(known))
    return bool(known.mean() <= spread(float(known.std(ddof=1)), len(known), "ci95"))
