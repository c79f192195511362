"""A panel for each task, with a metric on the vertical axis and the lines of perfection and noise floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from bench.results.ends_of_scale import FLOOR
from bench.results.figures.figure import label
from bench.results.figures.looks import LOOKS, Look
from bench.results.figures.metric_axis import axis_label, is_c2st
from bench.results.figures.options import FigureOptions
from bench.results.figures.panels import entries, log_ticks, panels
from bench.results.style_file import check_names

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["by_task", "hidden_floor", "task_titles"]

WIDE = 30  # ratio of largest and smallest value above which an axis is logarithmic


def task_titles(tasks: Sequence[str], options: FigureOptions) -> dict[str, str]:
    """Return the title of each task, in the order in which tasks are shown.

    Raises:
        UsageError: if the style gives two of them one name.
    """
    names = {label(key): value.name for key, value in options.style.tasks.items()}
    rank = {key: number for number, key in enumerate(names)}
    ordered = sorted(set(tasks), key=lambda task: (rank.get(task, len(rank)), task))
    titles = {task: label(names.get(task) or "") or task for task in ordered}
    check_names(titles)
    return titles


def by_task(
    values: pd.DataFrame,
    tasks: Sequence[str],
    floor: Mapping[str, float],
    known: Mapping[str, Look],
    options: FigureOptions,
    *,
    x_label: str,
    lines: bool,
    more: Sequence[Line2D] = (),
) -> tuple[Figure, dict[str, Axes]]:
    """Return a figure with a panel for each task, and the panels by task.

    Arguments:
        values: All values of the metric that are drawn (``mean``) and, if there are bars, their ends (``low``
            and ``high``), for the limits of the axis.
        tasks: Labels of the tasks.
        floor: Metric of ``reference`` by task.
        known: Looks of the methods, for the legend.
        options: Metric, style and sizes.
        x_label: Label of the horizontal axes.
        lines: Whether the legend shows lines.
        more: Further entries of the legend.
    """
    titles = task_titles(tasks, options)
    floor = {task: value for task, value in floor.items() if task in titles}
    noise = LOOKS[FLOOR]
    perfect = Look("perfect", "0.65", "", "-")
    bare = [perfect] if is_c2st(options.metric) else []
    low, high = _range(values, floor, options)
    seen = {task: value for task, value in floor.items() if low <= value <= high}
    bare += [Look(f"{noise.name} (noise floor)", noise.color, "", noise.line)] if seen else []
    figure, axes = panels(
        list(titles.values()),
        options,
        legend=[*entries(known.values(), options, lines=lines, bare=bare), *more],
        x_label=x_label,
        y_label=axis_label(options.metric),
    )
    _limits(axes[0], low, high, values, options)
    for task, axis in zip(titles, axes, strict=True):
        if is_c2st(options.metric):
            axis.axhline(0.5, color=perfect.color, linewidth=0.8, linestyle=perfect.line, zorder=1)
        if task in seen:
            axis.axhline(seen[task], color=noise.color, linewidth=1.0, linestyle=noise.line, zorder=1)
    return figure, dict(zip(titles, axes, strict=True))


def hidden_floor(axes: Mapping[str, Axes], floor: Mapping[str, float]) -> str:
    """Return a sentence for the caption if the noise floor of a task is below its panel, else nothing."""
    low = [task for task, value in floor.items() if task in axes and value < axes[task].get_ylim()[0]]
    return " The noise floor is not drawn where it is below the axis." if low else ""


def _range(values: pd.DataFrame, floor: Mapping[str, float], options: FigureOptions) -> tuple[float, float]:
    """Return the range of the vertical axis, which all panels share, with all bars and noise floors.

    A logarithmic axis leaves out ends of bars, and floors, far below all means: it reaches down to at most a
    thirtieth of the smallest mean.
    """
    ends = values.reindex(columns=["mean", "low", "high"]).to_numpy(dtype=float)
    ends = ends[np.isfinite(ends)]
    if not len(ends):
        return 0.0, 1.0
    if is_c2st(options.metric):
        return min(0.47, ends.min() - 0.02), max(1.03, ends.max() + 0.01)
    all_ = np.array([*ends, *(value for value in floor.values() if np.isfinite(value))])
    if not _is_logarithmic(values["mean"]):
        margin = 0.05 * (all_.max() - all_.min()) or 0.05 * abs(all_.max()) or 1.0
        return float(all_.min() - margin), float(all_.max() + margin)
    farthest = float(values["mean"].min()) / WIDE
    return float(all_[all_ >= farthest].min()), float(all_.max())


def _is_logarithmic(means: pd.Series) -> bool:
    """Return whether positive values differ so much that their axis is logarithmic."""
    finite = means[np.isfinite(means)]
    return bool(len(finite) and finite.min() > 0 and finite.max() > WIDE * finite.min())


def _limits(axis: Axes, low: float, high: float, values: pd.DataFrame, options: FigureOptions) -> None:
    """Limits and ticks of the vertical axis, which all panels share."""
    if not is_c2st(options.metric) and _is_logarithmic(values["mean"]):
        log_ticks(axis, "y", low, high, options)
        return
    axis.set(ylim=(low, high))
    axis.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
