"""A pivot of one metric: methods against tasks or budgets, with ± and the best marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.errors import UsageError
from bench.printable import printable
from bench.results.failed_rows import left_out
from bench.results.style_file import Style
from bench.results.tables.estimates import Estimate, Key, estimates
from bench.results.tables.metric_values import MetricValues
from bench.results.tables.printed import FAILED, PUBLISHED, Entry, Printed
from bench.results.tables.published_values import OBSERVATIONS
from bench.results.tables.spread import Interval, interval_name

__all__ = ["AXES", "Pivot", "pivot_axes", "pivot_frame", "pivot_table"]

AXES = ("task", "method", "budget")
EMPTY = "–"  # not run, or without a value
BEST = "best of its task and budget"
CLOSE = "not told from the best (the 95 % interval, by Student's t, of the difference paired by observation "
CLOSE += "and seed reaches 0)"

Pivot = tuple[str, str]  # axis of lines, axis of columns


def pivot_axes(text: str) -> Pivot:
    """Return the axes of lines and columns of ``method×task``, ``methodxtask`` or ``method,task``.

    Raises:
        UsageError: if the text names no two different axes.

    Example:
        >>> pivot_axes("method×task"), pivot_axes("budget x method")
        (('method', 'task'), ('budget', 'method'))
    """
    names = "|".join(AXES)
    found = re.fullmatch(rf"\s*({names})\s*[×x,*:]\s*({names})\s*", text)
    if found is None or found[1] == found[2]:
        raise UsageError(
            f"pivot = {printable(text)!r}: two of {', '.join(AXES)} joined by x, such as methodxtask"
        )
    return found[1], found[2]


def pivot_table(
    values: MetricValues,
    axes: Pivot,
    interval: Interval,
    style: Style | None = None,
    published: Mapping[Key, Estimate] | None = None,
) -> Printed:
    """Return the table for print; the axis that ``axes`` does not name divides it into groups of lines.

    Arguments:
        values: Values of the metric.
        axes: Axes of lines and columns.
        interval: What stands behind ±.
        style: Names and order of methods and tasks. Without one, tasks are in alphabetical order and
            methods in the order of their means, the best first.
        published: Published results of the same tasks, budgets and metric.
    """
    found: dict[Key, Estimate] = {**estimates(values, interval), **(published or {})}
    order = _order(found, values, style)
    (rows, columns), rest = axes, next(axis for axis in AXES if axis not in axes)
    column_names = _names(order[columns], columns, style)
    row_names = _names(order[rows], rows, style)
    from_elsewhere = {method for _, method, _ in published or ()}
    groups = []
    for of_group in order[rest]:
        lines = []
        for of_row in order[rows]:
            keys = [_key({rest: of_group, rows: of_row, columns: one}) for one in order[columns]]
            if not any(key in found for key in keys):
                continue
            is_published = of_row in from_elsewhere
            label = Entry(row_names[of_row], mark=PUBLISHED if is_published else "")
            # A mark at the name says that the whole line is published.
            lines.append([label, *(_entry(found.get(key), values, is_published) for key in keys)])
        groups.append((_names([of_group], rest, style)[of_group], lines))
    return Printed(
        head=[rows, *(column_names[one] for one in order[columns])],
        groups=groups,
        notes=_notes(values, interval, found, style),
        best=BEST,
        close=CLOSE,
    )


def pivot_frame(
    values: MetricValues, interval: Interval, published: Mapping[Key, Estimate] | None = None
) -> pd.DataFrame:
    """Return the numbers of a pivot as a data frame for CSV: one line for each task, method and budget."""
    found: dict[Key, Estimate] = {**estimates(values, interval), **(published or {})}
    records = [
        {
            "task": task,
            "method": method,
            "num_simulations": budget,
            "metric": values.metric,
            "mean": one.mean,
            "interval": interval,
            "spread": one.spread,
            "values": one.num,
            "failed": one.failed,
            "best": one.best,
            "within_noise": one.close,
            "source": one.source,
        }
        for (task, method, budget), one in found.items()
    ]
    return pd.DataFrame(records).sort_values(["task", "num_simulations", "method"], ignore_index=True)


def _key(by_axis: Mapping[str, Any]) -> Key:
    return by_axis["task"], by_axis["method"], by_axis["budget"]


def _order(found: Mapping[Key, Estimate], values: MetricValues, style: Style | None) -> dict[str, list[Any]]:
    """Return the entries of each axis in the order of the style; published methods come last."""
    tasks, methods = ({str(key[k]) for key in found} for k in range(2))
    own = {method for (_, method, _), one in found.items() if not one.source}
    if style is None:
        sign = 1 if values.better == "lower" else -1
        means: dict[str, float] = {}
        for method in own:
            known = [one.mean for key, one in found.items() if key[1] == method and not np.isnan(one.mean)]
            means[method] = sign * float(np.mean(known)) if known else np.inf
        ordered = sorted(own, key=lambda method: (means[method], method))
    else:
        ordered = style.method_order(own)
    return {
        "task": sorted(tasks) if style is None else style.task_order(tasks),
        "method": [*ordered, *sorted(methods - own)],
        "budget": sorted({budget for _, _, budget in found}),
    }


def _names(entries: Iterable[Any], axis: str, style: Style | None) -> dict[Any, str]:
    if axis == "budget":
        return {one: f"{one} simulations" for one in entries}
    if style is None:
        return {one: str(one) for one in entries}
    name = style.task_name if axis == "task" else style.method_name
    return {one: name(one) for one in entries}


def _entry(one: Estimate | None, values: MetricValues, in_published: bool) -> Entry:
    if one is None:
        return Entry(EMPTY)
    mark = FAILED if one.failed else PUBLISHED if one.source and not in_published else ""
    if np.isnan(one.mean):
        return Entry("failed", mark=mark)
    text = values.text(one.mean)
    if not np.isnan(one.spread):
        text += f" ± {values.text(one.spread)}"
    return Entry(text, best=one.best, close=one.close, mark=mark)


def _notes(
    values: MetricValues, interval: Interval, found: Mapping[Key, Estimate], style: Style | None
) -> list[str]:
    own = [one for one in found.values() if not one.source]
    numbers = sorted({one.num for one in own if one.num})
    over = "seeds" if values.per_cell else "observations and seeds"
    count = "" if not numbers else f" ({_range(numbers)})"
    what = f"{values.metric}: mean over {over}{count}"
    if any(not np.isnan(one.spread) for one in found.values()):
        what += f" ± {interval_name(interval)}"
    samples = "" if values.num_samples is None else f"; {values.num_samples} posterior samples"
    kind = f"; times: {values.kind}" if values.kind else ""
    notes = [f"{what}{samples}{kind}."]
    failed = [(key, one) for key, one in sorted(found.items()) if one.failed]
    if failed:
        name = (str, str) if style is None else (style.task_name, style.method_name)
        places = [
            (name[1](method), name[0](task), budget, f"{one.failed}{_of(one, values)}")
            for (task, method, budget), one in failed
        ]
        sentence = left_out(places)
        notes.append(f"{FAILED}: {sentence[:1].lower()}{sentence[1:]}")
    sources = sorted({one.source for one in found.values() if one.source})
    if sources:
        over = f", ± over {OBSERVATIONS} observations" if interval in ("se", "ci95") else ""
        notes.append(f"{PUBLISHED}: published, not of these rows{over}: {'; '.join(sources)}.")
    return notes


def _of(one: Estimate, values: MetricValues) -> str:
    """Return the number of all rows, where a value is that of one row."""
    return "" if values.per_cell else f" of {one.failed + one.num}"


def _range(numbers: Sequence[int]) -> str:
    last = numbers[-1]
    first = "" if len(numbers) == 1 else f"{numbers[0]} to "
    return f"{first}{last} value{'s' if last > 1 else ''}"
