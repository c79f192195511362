"""Layout that figures share: panels of one size, a legend above them, and ticks that have room."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, NullLocator

from bench.results.figures.looks import Look
from bench.results.figures.options import FigureOptions
from bench.results.figures.text_size import every, fitted, text_width

__all__ = ["entries", "legend_above", "log_ticks", "marker_size", "number", "panels", "small_ticks"]

PANEL_WIDTH = 1.65  # inches, about
MARGIN = 0.04  # inches around everything
HANDLE, GAP = 2.2, 1.2  # length of a legend's line and distance of its columns, in units of the font size
LINE = 1.35  # height of a line of text, in units of the font size


def panels(
    titles: Sequence[str],
    options: FigureOptions,
    *,
    legend: Sequence[Line2D] = (),
    x_label: str = "",
    y_label: str = "",
    aspect: float = 0.8,
    columns: int = 0,
    share: bool = True,
) -> tuple[Figure, list[Axes]]:
    """Return a figure of the width asked for, with one panel for each title, row by row.

    Arguments:
        titles: Titles of the panels; they are shortened to the width of a panel.
        options: Width and sizes.
        legend: Entries of the legend above the panels.
        x_label: Label below all panels, of one or several lines.
        y_label: Label left of all panels.
        aspect: Height of a panel divided by its width.
        columns: Number of panels in a row; 0 chooses it by the width.
        share: Whether all panels have the same axes; ticks are then labelled at the left and below.
    """
    columns = min(columns or max(1, round(options.width / PANEL_WIDTH)), len(titles))
    rows = math.ceil(len(titles) / columns)
    inch = options.font_size / 72 * LINE
    panel = (options.width - 4.5 * inch - 0.08 * columns) / columns
    # A single panel across a page would be as high as it is wide.
    height = min(panel, 3.2) * aspect
    below = (1 + x_label.count("\n")) * inch if x_label else 0.0
    head = legend_height(legend, options)
    total = head + rows * (height + 2.4 * inch) + below + 2 * MARGIN
    figure = Figure(figsize=(options.width, total), layout="constrained")
    figure.get_layout_engine().set(w_pad=MARGIN, h_pad=MARGIN, wspace=0.01, hspace=0.01)  # type: ignore[call-arg, union-attr]
    grid = figure.subplots(rows, columns, squeeze=False, sharex=share, sharey=share)
    axes: list[Axes] = list(grid.flat)
    for place, axis in enumerate(axes[len(titles) :], len(titles)):
        axis.remove()
        if share:
            axes[place - columns].tick_params(labelbottom=True)
    fit = all(text_width(title, options.font_size) <= panel for title in titles)
    size = options.font_size if fit else options.small
    for axis, title in zip(axes, titles, strict=False):
        axis.set_title(fitted(title, panel, size), fontsize=size, pad=0.25 * options.font_size)
        small_ticks(axis, options)
    legend_above(figure, legend, options)
    if x_label:
        figure.supxlabel(x_label, fontsize=options.font_size)
    if y_label:
        figure.supylabel(y_label, fontsize=options.font_size)
    return figure, axes[: len(titles)]


def small_ticks(axis: Axes, options: FigureOptions) -> None:
    """Give the ticks of a panel their size, which matplotlib would otherwise look up when it draws."""
    axis.tick_params(labelsize=options.small, length=2.0, width=0.6, pad=1.5, colors="0.15", which="both")
    axis.grid(color="0.9", linewidth=0.6)
    axis.set_axisbelow(True)


def entries(
    looks: Iterable[Look], options: FigureOptions, *, lines: bool = True, bare: Sequence[Look] = ()
) -> list[Line2D]:
    """Return a legend's entry for each look.

    Arguments:
        looks: Looks in the order of the legend.
        options: Sizes.
        lines: Whether entries have a line through their marker.
        bare: Looks of lines without markers, such as the noise floor, which follow.
    """
    size = 0.5 * options.font_size
    found = [
        Line2D(
            [],
            [],
            label=look.name,
            linewidth=1.0,
            markersize=size,
            **(look.line_options() | ({} if lines else {"linestyle": "none"})),
        )
        for look in looks
    ]
    return found + [
        Line2D([], [], label=look.name, color=look.color, linestyle=look.line, linewidth=1.0) for look in bare
    ]


def _columns(names: Sequence[str], options: FigureOptions) -> int:
    """Return the number of columns with which a legend has the fewest lines, filled as equally as may be."""
    fitting = [columns for columns in range(len(names), 1, -1) if _fits(names, columns, options)]
    if not fitting:
        return 1
    lines = math.ceil(len(names) / fitting[0])
    return min(columns for columns in fitting if math.ceil(len(names) / columns) == lines)


def _fits(names: Sequence[str], columns: int, options: FigureOptions) -> bool:
    """Whether a legend with this number of columns is no wider than the figure."""
    unit = options.small / 72
    # Matplotlib fills column by column, the first ones with one entry more.
    parts = np.array_split(np.arange(len(names)), columns)
    widths = [
        max(text_width(names[k], options.small) for k in part) + (HANDLE + 0.6) * unit for part in parts
    ]
    return sum(widths) + (columns - 1) * GAP * unit + unit < options.width


def legend_height(handles: Sequence[Line2D], options: FigureOptions) -> float:
    """Return the height in inches of the legend of these entries."""
    if not handles:
        return 0.0
    lines = math.ceil(len(handles) / _columns([str(one.get_label()) for one in handles], options))
    return (lines * LINE + 0.8) * options.small / 72


def legend_above(figure: Figure, handles: Sequence[Line2D], options: FigureOptions) -> None:
    """Put a legend above all panels, in as many columns as have room, and keep this room free.

    The figure has its final size.
    """
    if not handles:
        return
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0.0, 0.0, 1.0, 1.0 - legend_height(handles, options) / figure.get_figheight()))
    unit = options.small / 72
    names = [fitted(str(one.get_label()), options.width - 5 * unit, options.small) for one in handles]
    legend = figure.legend(
        handles=list(handles),
        labels=names,
        loc="upper center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=_columns(names, options),
        fontsize=options.small,
        frameon=False,
        handlelength=HANDLE - 0.4,
        handletextpad=0.5,
        columnspacing=GAP,
        labelspacing=0.25,
        borderpad=0.1,
        borderaxespad=0.3,
    )
    legend.set_in_layout(False)


def marker_size(options: FigureOptions, crowd: int = 1) -> float:
    """Return the size of markers in points, smaller if many stand side by side."""
    return max(2.0, 0.5 * options.font_size * min(1.0, 3.0 / math.sqrt(max(crowd, 1))))


def number(value: float) -> str:
    """Return a number as a short label.

    Example:
        >>> [number(value) for value in (0.002, 0.5, 30, 1000, 25_000, 3_000_000)]
        ['0.002', '0.5', '30', '1k', '25k', '3M']
    """
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit and value < 1e15:
            return f"{value / limit:.3g}{letter}"
    return f"{value:.3g}"


def _step(ticks: Sequence[float], low: float, high: float, room: float, options: FigureOptions) -> int:
    """Return the step with which ticks of a logarithmic axis are labelled, so that labels do not touch."""
    if len(ticks) < 2:
        return 1
    # Labels stand on the part of the axis that the ticks really span.
    share = math.log10(ticks[-1] / ticks[0]) / math.log10(high / low)
    spanned = share * room * len(ticks) / (len(ticks) - 1)
    return every([number(tick) for tick in ticks], spanned, options.small)


def log_ticks(
    axis: Axes, which: str, low: float, high: float, options: FigureOptions, *, margin: float = 0.06
) -> None:
    """Make an axis logarithmic from ``low`` to ``high``, with labels that have room.

    The labels are plain numbers: exponents would be smaller than 6 points.

    Arguments:
        axis: A panel, whose size is estimated from its place in its figure.
        which: ``x`` or ``y``.
        low: Smallest value shown, above 0.
        high: Largest value shown.
        options: Sizes.
        margin: Room at both ends, as a share of the axis.
    """
    beyond = max((high / low) ** margin, 1.02)
    low, high = low / beyond, high * beyond
    if high > 10 * low:  # an axis that almost reaches a power of ten begins or ends there
        first, last = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
        low, high = (first / 1.02 if low < 2 * first else low), (last * 1.02 if high > last / 1.5 else high)
    axis.set(**{f"{which}scale": "log"})
    decades = [10.0**k for k in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
    box = axis.get_position()
    width, height = axis.figure.bbox_inches.size  # type: ignore[union-attr]
    room = box.width * width if which == "x" else box.height * height * 2
    # Few decades leave open what stands between them, so numbers between are tried before the decades alone.
    for factors in ((1, 2, 5), (1,), (1, 2, 3, 5)):
        ticks = [k * tick for tick in decades for k in factors if low <= k * tick <= high]
        step = _step(ticks, low, high, room, options)
        if len(ticks) > 1 and (factors == (1,) or (step == 1 and 2 < len(ticks) < 9)):
            break
    for bins in (4, 3, 2):
        if len(ticks[::step]) > 1:
            break  # a single number gives no scale
        ticks = [float(t) for t in MaxNLocator(bins).tick_values(low, high) if low <= t <= high]
        step = _step(ticks, low, high, room, options)
    line = axis.xaxis if which == "x" else axis.yaxis
    line.set_major_locator(FixedLocator(ticks[::step]))
    line.set_major_formatter(lambda value, _: number(value))
    line.set_minor_locator(NullLocator())
    line.set_minor_formatter(NullFormatter())
    axis.set(**{f"{which}lim": (low, high)})
