"""A panel for each task, with a metric on the vertical axis and the lines of perfection and noise floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from bench.results.figures.figure import FLOOR, label
from bench.results.figures.looks import LOOKS, Look
from bench.results.figures.metric_axis import axis_label, is_c2st
from bench.results.figures.options import FigureOptions
from bench.results.figures.panels import entries, log_ticks, panels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["by_task", "task_titles"]

WIDE = 30  # ratio of largest and smallest value above which an axis is logarithmic


def task_titles(tasks: Sequence[str], options: FigureOptions) -> dict[str, str]:
    """Return the title of each task, in the order in which tasks are shown."""
    names = {label(key): value.name for key, value in options.style.tasks.items()}
    rank = {key: number for number, key in enumerate(names)}
    ordered = sorted(set(tasks), key=lambda task: (rank.get(task, len(rank)), task))
    return {task: label(names.get(task) or "") or task for task in ordered}


def by_task(
    values: pd.Series,
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
        values: All values of the metric that are drawn, for the limits of the axis.
        tasks: Labels of the tasks.
        floor: Metric of ``reference`` by task.
        known: Looks of the methods, for the legend.
        options: Metric, style and sizes.
        x_label: Label of the horizontal axes.
        lines: Whether the legend shows lines.
        more: Further entries of the legend.
    """
    titles = task_titles(tasks, options)
    noise = LOOKS[FLOOR]
    perfect = Look("perfect", "0.3", "", "--")
    bare = [perfect] if is_c2st(options.metric) else []
    bare += [Look(f"{noise.name} (noise floor)", noise.color, "", noise.line)] if floor else []
    figure, axes = panels(
        list(titles.values()),
        options,
        legend=[*entries(known.values(), options, lines=lines, bare=bare), *more],
        x_label=x_label,
        y_label=axis_label(options.metric),
    )
    _limits(axes[0], values, options)
    for task, axis in zip(titles, axes, strict=True):
        if is_c2st(options.metric):
            axis.axhline(0.5, color=perfect.color, linewidth=0.8, linestyle=perfect.line, zorder=1)
        if task in floor:
            axis.axhline(floor[task], color=noise.color, linewidth=1.0, linestyle=noise.line, zorder=1)
    return figure, dict(zip(titles, axes, strict=True))


def _limits(axis: Axes, values: pd.Series, options: FigureOptions) -> None:
    """Limits and ticks of the vertical axis, which all panels share."""
    finite = values[np.isfinite(values)]
    if is_c2st(options.metric):
        axis.set(ylim=(min(0.47, finite.min() - 0.02), 1.03))
    elif len(finite) and finite.min() > 0 and finite.max() > WIDE * finite.min():
        log_ticks(axis, "y", float(finite.min()), float(finite.max()), options)
        return
    axis.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
