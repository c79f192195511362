"""Ranks of methods over tasks: mean ranks, wins, and tests of whether methods differ.

J. Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 7 (2006), describes the ranks,
Friedman's test, Nemenyi's critical difference and Wilcoxon's test for pairs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from bench.errors import UsageError
from bench.results.ends_of_scale import FLOOR, PRIOR, SCALE
from bench.results.tables.metric_values import PAIR, MetricValues
from bench.results.tables.spread import within_noise
from tasks.contract.seeding import derive_seed

__all__ = [
    "Ranks",
    "holm_tests",
    "mean_ranks",
    "normalized",
    "rank_methods",
]

RESAMPLES = 9999
OUTCOMES = ("losses", "ties", "wins")


@dataclass(frozen=True)
class Ranks:
    """Ranks of methods at one budget.

    Attributes:
        budget: Number of simulations.
        table: For each method, the best first: ``mean_rank``, its bootstrap interval ``low`` and ``high``
            (NaN with one task), ``wins``, ``ties`` and ``losses`` over pairs of a task and another method,
            ``normalized`` (NaN if unknown) and ``num_normalized``, the number of tasks behind it.
        p_values: Of Wilcoxon's signed-rank test over tasks for each pair of methods, adjusted by Holm; None
            with less than two tasks or where no tests were asked for.
        friedman: Friedman's χ² and its p value; None with less than three methods or two tasks.
        tasks: Tasks over which methods are ranked.
        left_out: Methods without a value, for each task that is left out.
    """

    budget: int
    table: pd.DataFrame
    p_values: pd.DataFrame | None
    friedman: tuple[float, float] | None
    tasks: Sequence[str]
    left_out: Mapping[str, Sequence[str]]


def rank_methods(values: MetricValues, budget: int, *, tests: bool = True) -> Ranks:
    """Return the ranks at one budget, over the tasks on which every method has a value.

    ``reference`` and ``prior`` are the ends of the scale and get no rank.

    Arguments:
        values: Values of the metric.
        budget: Number of simulations.
        tests: Whether each pair of methods is tested, which needs scikit-posthocs.

    Raises:
        UsageError: if there are less than two methods, no task that all of them ran, or scikit-posthocs is
            needed and not installed.
    """
    frame = values.values[values.values["num_simulations"] == budget]
    frame = frame[~frame["method"].isin(SCALE)]
    means = frame.pivot_table(index="task", columns="method", values="value", aggfunc="mean")
    missing = means.isna()
    complete = means[~missing.any(axis=1)]
    if means.shape[1] < 2:
        raise UsageError(
            f"ranks at {budget} simulations need two methods besides {FLOOR} and {PRIOR} with a "
            f"{values.metric}; there are: {', '.join(map(str, means.columns)) or 'none'}"
        )
    if complete.empty:
        least = str(missing.sum().idxmax())
        raise UsageError(
            f"ranks at {budget} simulations: no task was run by all {means.shape[1]} methods; "
            f"{least} lacks {int(missing[least].sum())} of {len(means)}; leave methods out with -m"
        )
    table = mean_ranks(complete if values.better == "lower" else -complete, values.metric)
    table = table.join(_wins(values, frame, list(complete.index), list(complete.columns)))
    known = normalized(values, complete)
    table["normalized"], table["num_normalized"] = known.mean(), len(known)
    is_testable = len(complete) > 1
    return Ranks(
        budget=budget,
        table=table.sort_values("mean_rank", kind="stable"),
        p_values=holm_tests(complete) if is_testable and tests else None,
        friedman=_friedman(complete) if is_testable and complete.shape[1] > 2 else None,
        tasks=[str(task) for task in complete.index],
        left_out={
            str(task): [str(method) for method in means.columns[missing.loc[task]]]
            for task in means.index[missing.any(axis=1)]
        },
    )


def mean_ranks(losses: pd.DataFrame, purpose: str = "") -> pd.DataFrame:
    """Return the mean rank of each method with its 95 % interval, by a bootstrap over tasks.

    Arguments:
        losses: Losses, tasks × methods. The smallest has rank 1; equal ones share the mean of their ranks.
        purpose: Word that the seed of the bootstrap depends on.

    Returns:
        ``mean_rank``, ``low`` and ``high`` for each method.
    """
    ranks = losses.rank(axis=1)
    low = high = np.full(ranks.shape[1], math.nan)
    if len(ranks) > 1:
        seed = derive_seed("bootstrap_over_tasks", purpose)
        resampled = stats.bootstrap(
            (ranks.to_numpy(),),
            np.mean,
            axis=0,
            n_resamples=RESAMPLES,
            method="percentile",
            random_state=seed,
        )
        low, high = resampled.confidence_interval
    return pd.DataFrame({"mean_rank": ranks.mean(), "low": low, "high": high})


def holm_tests(means: pd.DataFrame) -> pd.DataFrame:
    """Return p values of Wilcoxon's signed-rank test for each pair of methods, adjusted by Holm.

    Half of the ranks of equal results counts for either method, as Demšar advises.

    Arguments:
        means: Means, tasks × methods.

    Raises:
        UsageError: if scikit-posthocs is not installed.
    """
    try:
        import scikit_posthocs
    except ImportError:
        raise UsageError("ranks need scikit-posthocs: pip install 'scorebench[stats]'") from None
    names = [str(name) for name in means.columns]
    numbered = means.set_axis(range(len(names)), axis=1).melt(var_name="group", value_name="value")
    found = scikit_posthocs.posthoc_wilcoxon(
        numbered, "value", "group", zero_method="zsplit", p_adjust="holm"
    )
    return pd.DataFrame(found.to_numpy(), index=names, columns=names)


def normalized(values: MetricValues, means: pd.DataFrame) -> pd.DataFrame:
    """Return C2STs on a scale from 0, the noise floor, to 1, the prior, for tasks that have both ends.

    Both ends are means over all budgets, on which they do not depend.

    Arguments:
        values: All values of the metric; one that is no C2ST has no such scale.
        means: Means, tasks × methods.
    """
    if not values.metric.startswith("c2st"):
        return means.iloc[:0]
    by_task = values.values.groupby(["method", "task"])["value"].mean()
    ends = [by_task.loc[name] if name in by_task.index else pd.Series(dtype=float) for name in SCALE]
    floor, prior = (end.reindex(means.index) for end in ends)
    known = prior > floor
    return means[known].sub(floor[known], axis=0).div((prior - floor)[known], axis=0)


def _wins(
    values: MetricValues, frame: pd.DataFrame, tasks: Sequence[str], methods: Sequence[str]
) -> pd.DataFrame:
    """Return wins, ties and losses of each method; a tie is a difference within noise."""
    counts = {method: dict.fromkeys(("wins", "ties", "losses"), 0) for method in methods}
    for task in tasks:
        # A column for each method, a row for each observation and seed: thousands of pairs are compared.
        here = frame[frame["task"] == task]
        losses = here.pivot_table(index=PAIR, columns="method", values="value")
        losses = losses if values.better == "lower" else -losses
        columns = {method: losses[method].to_numpy() for method in methods}
        for one, other in combinations(methods, 2):
            worse = columns[one] - columns[other]
            outcome = _outcome(worse[~np.isnan(worse)])
            counts[one][OUTCOMES[1 - outcome]] += 1
            counts[other][OUTCOMES[1 + outcome]] += 1
    return pd.DataFrame.from_dict(counts, orient="index")


def _outcome(worse: np.ndarray) -> int:
    """Return 1 for a loss, 0 for a tie and -1 for a win."""
    if not len(worse) or (within_noise(worse) and within_noise(-worse)):
        return 0
    return 1 if worse.mean() > 0 else -1


def _friedman(means: pd.DataFrame) -> tuple[float, float]:
    found = stats.friedmanchisquare(*means.T.to_numpy())
    return float(found.statistic), float(found.pvalue)
