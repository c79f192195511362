"""Rows of a directory next to published results of the same method and protocol."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from scipy import stats

from bench.results.style_file import Style
from bench.results.table import number_text
from bench.results.tables.metric_values import MetricValues
from bench.results.tables.printed import Entry, Printed
from bench.results.tables.published_values import ALL, OBSERVATIONS, fitting_rows, published_rows

__all__ = ["SAME_METHOD", "compare_with_published", "comparison_table"]

# Published names of methods of the suite with the parameters that their labels show. Variants that differ in
# more than the implementation (several rounds, other networks) are other methods.
SAME_METHOD = {
    "npe": "NPE",
    "nle": "NLE",
    "nre": "NRE",
    "npse": "NPSE-VE",
    "npse[sde_type=vp]": "NPSE-VP",
    "rejection_abc": "REJ-ABC",
}
LEVEL = 0.05
DIGITS = 3
FURTHER = "further apart than their joint noise, half the width of Welch's 95 % interval"
COLUMNS = [
    "task",
    "method",
    "num_simulations",
    "metric",
    "mean",
    "se",
    "num_observations",
    "published_method",
]
COLUMNS += ["published_mean", "published_se", "difference", "noise", "differs", "source"]


def compare_with_published(
    values: MetricValues, source: str = ALL, say: Callable[[str], object] | None = None
) -> pd.DataFrame:
    """Return the means of a metric next to those published for the same method, task, budget and classifier.

    The standard error of ours is over observations, each a mean over seeds. That of published results is
    computed from their standard deviation over ten observations (and seeds, where they have several). Two
    means differ if they are further apart than ``noise``, half the width of Welch's 95 % interval of a
    difference.

    Arguments:
        values: Values of ``c2st`` or ``c2st_rf``.
        source: Text that the source contains, or ``all``.
        say: Function that receives one line about methods that no publication has.

    Returns:
        One row for each pair, with the columns ``COLUMNS``; ``differs`` is None if the noise is unknown,
        because there is one observation or no published standard deviation.
    """
    published = fitting_rows(published_rows(values.metric, source), values)
    by_observation = values.values.groupby(["task", "method", "num_simulations", "num_observation"])["value"]
    groups = by_observation.mean().groupby(["task", "method", "num_simulations"])
    ours = groups.agg(["mean", "std", "size"]).reset_index()
    ours["published_method"] = ours["method"].map(SAME_METHOD)
    alone = sorted(ours.loc[ours["published_method"].isna(), "method"].unique())
    if say is not None and alone:
        say(f"no publication has these methods: {', '.join(alone)}")
    theirs = published.rename(columns={"method": "published_method"})
    pairs = ours.merge(theirs, on=["task", "published_method", "num_simulations"])
    records = [_compared(values.metric, record) for record in pairs.to_dict("records")]
    return pd.DataFrame(records, columns=COLUMNS)


def comparison_table(compared: pd.DataFrame, style: Style | None = None) -> Printed:
    """Return the comparison as a table for print, one group of lines for each source."""
    style = Style() if style is None else style
    groups = []
    for source, of_source in compared.groupby("source"):
        ordered = of_source.assign(
            task_rank=of_source["task"].map(style.task_order(of_source["task"]).index),
            method_rank=of_source["method"].map(style.method_order(of_source["method"]).index),
        ).sort_values(["metric", "task_rank", "num_simulations", "method_rank"])
        groups.append((str(source), [_line(record, style) for record in ordered.to_dict("records")]))
    differing = int((compared["differs"] == True).sum())  # noqa: E712  (None is neither)
    unknown = int(compared["differs"].isna().sum())
    notes = [
        f"{differing} of {len(compared)} differ by more than their joint noise; of means that are equal in "
        "truth, one in twenty would.",
        "± is the standard error over observations; (n) is the number of our observations.",
    ]
    if unknown:
        notes.append(f"{unknown} cannot be judged: one observation, or no published standard deviation.")
    head = [
        "task",
        "method",
        "published",
        "budget",
        "metric",
        "ours",
        "published mean",
        "difference",
        "noise",
    ]
    return Printed(head=[*head, "differs"], groups=groups, labels=3, notes=notes, best=FURTHER)


def _compared(metric: str, record: Mapping[Any, Any]) -> dict[str, Any]:
    mean, sd, num = (float(record[name]) for name in ("mean", "std", "size"))
    other, other_sd, values = (float(record[name]) for name in ("c2st_mean", "c2st_std", "num_values"))
    other_num = min(values, OBSERVATIONS)
    se = sd / math.sqrt(num)
    other_se = other_sd / math.sqrt(other_num)
    noise = _noise(se, num, other_se, other_num)
    return {
        **{name: record[name] for name in ("task", "method", "num_simulations")},
        "metric": metric,
        "mean": mean,
        "se": se,
        "num_observations": int(num),
        "published_method": record["published_method"],
        "published_mean": other,
        "published_se": other_se,
        "difference": mean - other,
        "noise": noise,
        "differs": None if math.isnan(noise) else abs(mean - other) > noise,
        "source": record["source"],
    }


def _noise(se: float, num: float, other_se: float, other_num: float) -> float:
    """Return half the width of Welch's 95 % interval of a difference; NaN if a standard error is unknown."""
    joint = math.hypot(se, other_se)
    if math.isnan(joint) or joint == 0:
        return joint
    freedom = joint**4 / (se**4 / (num - 1) + other_se**4 / (other_num - 1))
    return joint * float(stats.t.isf(LEVEL / 2, freedom))


def _line(record: Mapping[Any, Any], style: Style) -> Sequence[Entry]:
    def number(name: str) -> str:
        return number_text(float(record[name]), DIGITS)

    def with_error(mean: str, se: str) -> str:
        return number(mean) if math.isnan(record[se]) else f"{number(mean)} ± {number(se)}"

    verdict = {True: "differs", False: "", None: "?"}[record["differs"]]
    return [
        Entry(style.task_name(str(record["task"]))),
        Entry(style.method_name(str(record["method"]))),
        Entry(str(record["published_method"])),
        Entry(str(record["num_simulations"])),
        Entry(str(record["metric"])),
        Entry(f"{with_error('mean', 'se')} ({record['num_observations']})"),
        Entry(with_error("published_mean", "published_se")),
        Entry(number("difference")),
        Entry(number("noise")),
        Entry(verdict, best=verdict == "differs"),
    ]
