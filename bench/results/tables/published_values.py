"""Published results of the tasks, budgets and classifier of a table."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pandas as pd

from bench.errors import UsageError
from bench.printable import printable
from bench.results.published import Classifier, read_published
from bench.results.tables.estimates import Estimate, Key
from bench.results.tables.metric_values import MetricValues
from bench.results.tables.spread import Interval, spread

__all__ = [
    "ALL",
    "CLASSIFIERS",
    "OBSERVATIONS",
    "check_source",
    "fitting_rows",
    "published_estimates",
    "published_rows",
    "short",
]

ALL = "all"
FILES = ("c2st.csv", "sequential_and_abc.csv")
# Classifier behind each of our columns. C2STs by different classifiers are never compared.
CLASSIFIERS: dict[str, Classifier] = {"c2st": "mlp", "c2st_rf": "rf"}
OBSERVATIONS = 10  # of each task of sbibm, in every published table
NUM_SAMPLES = 10_000  # posterior samples behind a published C2ST
STATED = ("sbibm 2021", "BayesFlow")  # sources that state it; the others are taken to follow sbibm
YEAR = re.compile(r"^.*?\b\d{4}\b")


def check_source(source: str) -> str:
    """Return the source, if there are published results whose source contains the text, or it is ``all``.

    Raises:
        UsageError: if there are none.
    """
    known = _everything()["source"]
    if source != ALL and not _contains(known, source).any():
        names = ", ".join(sorted({short(one) for one in known}))
        raise UsageError(f"published = {printable(source)!r}: no such source; known: {names}, {ALL}")
    return source


def published_rows(metric: str, source: str = ALL) -> pd.DataFrame:
    """Return published results by the classifier of one of our columns.

    Arguments:
        metric: ``c2st`` (by sbibm's network) or ``c2st_rf`` (by sbi's random forest).
        source: Text that the source contains, whatever the case; ``all`` for all sources.

    Returns:
        Columns ``task``, ``method``, ``num_simulations``, ``c2st_mean``, ``c2st_std`` (NaN if unknown),
        ``num_values`` (observations times seeds; NaN if unknown), ``classifier``, ``source`` and ``note``.

    Raises:
        UsageError: for another metric, or an unknown source.
    """
    if metric not in CLASSIFIERS:
        known = " and ".join(CLASSIFIERS)
        raise UsageError(f"metric = {printable(metric)!r}: published results are of {known} only")
    rows = _everything()
    chosen = rows["classifier"] == CLASSIFIERS[metric]
    return rows[chosen if check_source(source) == ALL else chosen & _contains(rows["source"], source)]


def published_estimates(
    values: MetricValues, interval: Interval, source: str, say: Callable[[str], None] | None = None
) -> dict[Key, Estimate]:
    """Return published results of the tasks and budgets that the values have, by the same classifier.

    Results with another number of posterior samples are left out, because a C2ST depends on it.

    Arguments:
        values: Values of ``c2st`` or ``c2st_rf``.
        interval: What stands behind ±; it is computed from the published standard deviation, for at most ten
            independent values, the observations.
        source: Text that the source contains, or ``all``.
        say: Function that receives one line about results that are left out, or if there are none.

    Raises:
        UsageError: for another metric, or an unknown source.
    """
    rows = published_rows(values.metric, source)
    pairs = set(values.values[["task", "num_simulations"]].itertuples(index=False, name=None))
    there = [pair in pairs for pair in zip(rows["task"], rows["num_simulations"], strict=True)]
    every = rows[pd.Series(there, index=rows.index, dtype=bool)]
    rows = fitting_rows(every, values)
    if say is not None and len(rows) < len(every):
        say(
            f"{len(every) - len(rows)} published results are left out: they are of {NUM_SAMPLES} posterior "
            f"samples, these rows of {values.num_samples or 'several numbers'}"
        )
    elif say is not None and rows.empty:
        say(f"no published {values.metric} of these tasks and budgets")
    found: dict[Key, Estimate] = {}
    for record in rows.to_dict("records"):
        name = f"{record['method']} ({short(str(record['source']))})"
        key = (str(record["task"]), name, int(record["num_simulations"]))
        num = 0 if math.isnan(record["num_values"]) else int(record["num_values"])
        independent = min(num, OBSERVATIONS)  # several seeds share an observation, and with it its difficulty
        is_stated = str(record["source"]).startswith(STATED)
        unknown = "" if is_stated else " (number of posterior samples not stated)"
        behind = (
            math.nan if math.isnan(record["c2st_std"]) else spread(record["c2st_std"], independent, interval)
        )
        found.setdefault(
            key, Estimate(float(record["c2st_mean"]), behind, num, source=str(record["source"]) + unknown)
        )
    return found


def fitting_rows(rows: pd.DataFrame, values: MetricValues) -> pd.DataFrame:
    """Return published results whose number of posterior samples is that of the values."""
    return rows if values.num_samples == NUM_SAMPLES else rows.iloc[:0]


def short(source: str) -> str:
    """Return the beginning of a source, up to its year.

    Example:
        >>> short("sbibm 2021 (Lueckmann et al.)")
        'sbibm 2021'
    """
    year = YEAR.match(source)
    return year[0] if year else source


def _everything() -> pd.DataFrame:
    tables = [read_published(name) for name in FILES]
    known = [
        "task",
        "method",
        "num_simulations",
        "c2st_mean",
        "c2st_std",
        "num_values",
        "classifier",
        "source",
    ]
    return pd.concat([table.reindex(columns=[*known, "note"]) for table in tables], ignore_index=True)


def _contains(sources: pd.Series, text: str) -> pd.Series:
    return sources.str.contains(text, case=False, regex=False)
