"""The values of one metric, by task, method and budget, that tables for print show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from bench.errors import UsageError
from bench.metrics import CalibrationMetric, metrics
from bench.printable import printable
from bench.results.ends_of_scale import FLOOR
from bench.results.failed_rows import asked_for_less, failed_rows
from bench.results.figures.figure import POINT
from bench.results.schema import COLUMNS
from bench.results.selection import of_one_size, select, times_of_one_kind
from bench.results.table import SIZES, TIMES, digits_of, needed, number_text
from registries import nearest

__all__ = ["PAIR", "MetricValues", "check_metric", "columns_for", "metric_values"]

PAIR = ["num_observation", "seed"]  # values of two methods are paired by these


@dataclass(frozen=True)
class MetricValues:
    """Values of one metric.

    Attributes:
        metric: Name of the column.
        better: Direction in which values become better.
        values: One row for each observation and seed, with the columns ``task``, ``method``,
            ``num_simulations``, ``num_observation``, ``seed`` and ``value``. What is measured once for a
            cell has one row for each seed, with ``num_observation`` 0.
        failed: Number of failed rows for each task, method and budget that has any.
        num_samples: Number of posterior samples behind the values; None for several.
        kind: Device and kind of the times, such as "cpu, shared"; empty for other metrics.
    """

    metric: str
    better: Literal["lower", "higher"]
    values: pd.DataFrame
    failed: Mapping[tuple[str, str, int], int]
    num_samples: int | None
    kind: str = ""

    @property
    def per_cell(self) -> bool:
        """Whether the metric has one value for each cell."""
        return _is_per_cell(self.metric)

    def text(self, value: float) -> str:
        """Return a value to the digits that mean something."""
        return number_text(value, digits_of(self.metric))

    @property
    def budgets(self) -> list[int]:
        """Numbers of simulations, the smallest first."""
        return sorted({int(n) for n in self.values["num_simulations"]})


def columns_for(metric: str) -> list[str]:
    """Return the columns of the store that :func:`metric_values` needs."""
    return list(dict.fromkeys([*needed(), *PAIR, *([metric] if metric in COLUMNS else [])]))


def check_metric(metric: str, added: Sequence[str] = ()) -> None:
    """Check that a column of numbers of that name is filled by a loaded metric, by the clock, or is in rows.

    Arguments:
        metric: Name of the column.
        added: Columns of numbers that rows have of metrics that are not loaded.

    Raises:
        UsageError: if not.
    """
    known = dict.fromkeys([*_known(), *added])
    if metric not in known:
        hint = nearest(metric, [printable(name) for name in known])
        raise UsageError(f"metric = {printable(metric)!r}: no column of numbers; {hint}")


def metric_values(
    rows: pd.DataFrame,
    metric: str,
    *,
    all_versions: bool = False,
    say: Callable[[str], None] | None = None,
) -> MetricValues:
    """Return the values of a metric, of the newest version of each task and method.

    All values are of one number of posterior samples (but those of ``reference``, which has fewer to give),
    of observations that were sampled one by one if there are any, and times are of one kind.

    Arguments:
        rows: Rows from :meth:`bench.results.store.Store.read`, with the columns :func:`columns_for`.
        metric: Column of numbers, such as ``c2st`` or ``train_s``.
        all_versions: Whether to show older versions too, under names of their own.
        say: Function that receives one line for each thing that is left out.

    Raises:
        UsageError: if no row has a value.
    """
    added = [str(name) for name in rows.select_dtypes("number") if name not in COLUMNS]
    check_metric(metric, added)
    frame = select(rows, all_versions=all_versions, say=say)
    frame = frame.assign(value=frame.reindex(columns=[metric])[metric].astype(float))
    failed = failed_rows(frame.assign(**{metric: frame["value"]}), [metric])
    good = frame[~failed].dropna(subset="value")
    good, kind = times_of_one_kind(good, POINT) if metric in TIMES else (good, ("", ""))
    good = _of_one_batch_size(good)
    is_floor = good["method"] == FLOOR
    proper = of_one_size(good if is_floor.all() else good[~is_floor], POINT, say)
    good = good[good.index.isin(proper.index) | is_floor]
    if good.empty:
        raise UsageError(f"metric = {printable(metric)!r}: no row has a value")
    sizes = proper["num_posterior_samples"].dropna().unique()
    size = int(sizes[0]) if len(sizes) == 1 else None
    _say_sources(good, say)
    return MetricValues(
        metric=metric,
        better=_better(metric),
        values=_values(good, metric),
        failed=_failed(frame[failed], size),
        num_samples=size,
        kind=", ".join(filter(None, kind)),
    )


def _known() -> list[str]:
    numbers = [name for cls in metrics().values() for name, kind in cls.columns().items() if kind == "number"]
    return [*numbers, *TIMES, *SIZES]


def _owner(metric: str) -> type | None:
    """Return the metric that fills a column; None for one that is not loaded, and for times."""
    return next((cls for cls in metrics().values() if metric in cls.columns()), None)


def _better(metric: str) -> Literal["lower", "higher"]:
    direction = getattr(_owner(metric), "better", "lower")
    return "higher" if direction == "higher" else "lower"


def _is_per_cell(metric: str) -> bool:
    owner = _owner(metric)
    return metric in (*TIMES, *SIZES) or (owner is not None and issubclass(owner, CalibrationMetric))


def _values(good: pd.DataFrame, metric: str) -> pd.DataFrame:
    values = good[[*POINT, *PAIR, "value"]].reset_index(drop=True)
    if not _is_per_cell(metric):
        return values
    once = values.groupby([*POINT, "seed"], as_index=False)["value"].mean()
    return once.assign(num_observation=0)[values.columns]


def _of_one_batch_size(good: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the smallest batch size, which is 1 if observations were sampled one by one."""
    sizes = good["batch_size"].fillna(1)
    return good[sizes == sizes.min()]


def _failed(failed: pd.DataFrame, size: int | None) -> dict[tuple[str, str, int], int]:
    """Return the number of failed rows by task, method and budget, where there are any.

    Rows that asked for fewer posterior samples than the values have are not counted.
    """
    counts = failed[~asked_for_less(failed, size)].groupby(POINT).size()
    table = counts.reset_index(name="failed")
    return {
        (str(task), str(method), int(n)): int(number)
        for task, method, n, number in table.itertuples(index=False, name=None)
    }


def _say_sources(good: pd.DataFrame, say: Callable[[str], None] | None) -> None:
    sources = good.groupby(POINT)[["task_sha256", "method_sha256"]].nunique().max(axis=1)
    mixed = sorted({f"{method} on {task}" for task, method, _ in sources.index[sources > 1]})
    if say is not None and mixed:
        say(f"means over rows of several sources of one version: {', '.join(mixed)}")
