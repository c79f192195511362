"""The difference of mean ranks from which Nemenyi's test says that two methods differ."""

from __future__ import annotations

import math

__all__ = ["LEVEL", "critical_difference"]

LEVEL = 0.05


def critical_difference(num_methods: int, num_tasks: int, level: float = LEVEL) -> float:
    """Return Nemenyi's critical difference of two mean ranks.

    Source: Demšar: Statistical comparisons of classifiers over multiple data sets, JMLR 7, 2006.

    Arguments:
        num_methods: Number of methods that are ranked.
        num_tasks: Number of tasks over which they are ranked.
        level: Probability with which some difference is larger although all methods are alike.

    Example:
        >>> round(critical_difference(4, 14), 2)  # section 3.2.2
        1.25
    """
    from scipy.stats import studentized_range

    quantile = float(studentized_range.isf(level, num_methods, math.inf)) / math.sqrt(2)
    return quantile * math.sqrt(num_methods * (num_methods + 1) / (6 * num_tasks))
