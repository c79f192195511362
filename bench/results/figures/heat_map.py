"""Matrices of numbers as colours, with the numbers in the cells where they have room."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure

from bench.results.figures.options import FigureOptions
from bench.results.figures.text_size import fitted, text_width

__all__ = ["heat_map"]

NARROWEST, WIDEST = 0.3, 0.55  # widths of a cell in inches, where there is room
MISSING = "0.93"  # colour of a cell without a number


def heat_map(
    parts: Sequence[tuple[str, np.ndarray]],
    row_names: Sequence[str],
    column_names: Sequence[str],
    options: FigureOptions,
    *,
    limits: tuple[float, float],
    colors: str,
    text: str,
    bar: str,
    shown: Sequence[np.ndarray] | None = None,
    clipped: bool = False,
) -> Figure:
    """Return a figure of one or several matrices with the same rows and columns.

    Arguments:
        parts: Title and numbers ``(rows, columns)`` of each matrix; NaN is a cell without a number.
        row_names: Names of the rows.
        column_names: Names of the columns.
        options: Width and sizes.
        limits: Numbers of the first and last colour.
        colors: Name of matplotlib's colour map.
        text: Format of a number, such as ``"{:.0f}"``.
        bar: What the numbers and colours are, in one or several lines above.
        shown: Numbers to write into the cells, if others than those of the colours.
        clipped: Whether numbers may lie beyond ``limits``, which the scale of colours then says.
    """
    inch, small = options.font_size / 72, options.small
    rows = [fitted(name, 0.32 * options.width, small) for name in row_names]
    columns = [fitted(name, 1.4, small) for name in column_names]
    left = max(text_width(name, small) for name in rows) + 0.7 * inch
    below = max(text_width(name, small) for name in columns) + 0.6 * inch
    room = options.width - left - 0.3 * inch
    gap = 0.8 * inch
    beside = len(parts) * (len(columns) * NARROWEST + gap) <= room
    across = len(parts) if beside else 1
    down = math.ceil(len(parts) / across)
    width = min(WIDEST, (room - (across - 1) * gap) / across / len(columns))
    spare = room - across * width * len(columns) - (across - 1) * gap  # on both sides, half each
    height = min(max(1.7 * small / 72, 0.14), 0.3)
    title = 1.5 * inch if any(name for name, _ in parts) else 0.0
    numbers = [text.format(value) for _, values in parts for value in values[np.isfinite(values)].flat]
    has_text = max((text_width(one, 6.0) for one in numbers), default=0.0) + 0.03 <= width and height >= 0.1
    size = min(small, 6.0 * (width - 0.03) / max((text_width(one, 6.0) for one in numbers), default=1.0))
    bars = [fitted(line, options.width - 0.1, options.font_size) for line in bar.split("\n")]
    head = (1.3 * len(bars) + 3.0) * inch  # labels, scale and its ticks
    part = title + height * len(rows) + 0.4 * inch
    total = head + down * part + below
    figure = Figure(figsize=(options.width, total))
    norm, palette = Normalize(*limits), mpl.colormaps[colors].with_extremes(bad=MISSING)
    for number, (name, values) in enumerate(parts):
        x = left + spare / 2 + (number % across) * (width * len(columns) + gap)
        y = below + (down - 1 - number // across) * part + 0.4 * inch
        box = (x / options.width, y / total, width * len(columns) / options.width, height * len(rows) / total)
        axis = figure.add_axes(box)
        axis.pcolormesh(values, cmap=palette, norm=norm, edgecolors="white", linewidth=0.8)
        axis.invert_yaxis()
        axis.grid(visible=False)
        axis.set_title(
            fitted(name, width * len(columns) + gap, options.font_size), fontsize=options.font_size, pad=3
        )
        axis.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=90)
        axis.set_yticks(np.arange(len(rows)) + 0.5, rows)
        axis.tick_params(labelsize=small, length=0, pad=1.5, colors="0.15")
        axis.tick_params(labelleft=number % across == 0, labelbottom=number + across >= len(parts))
        axis.spines[:].set_visible(False)
        if has_text:
            _write(
                axis, values, values if shown is None else shown[number], text, norm, palette, max(6.0, size)
            )
    _key(figure, bars, norm, palette, options, left, clipped)
    return figure


def _write(
    axis: Axes,
    values: np.ndarray,
    shown: np.ndarray,
    text: str,
    norm: Normalize,
    palette: Colormap,
    size: float,
) -> None:
    """Write numbers into cells, white on dark colours."""
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            red, green, blue, _ = palette(norm(value))
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            axis.text(
                column + 0.5,
                row + 0.52,
                text.format(shown[row, column]),
                ha="center",
                va="center",
                fontsize=size,
                color="white" if dark else "0.1",
            )


def _key(
    figure: Figure,
    bars: Sequence[str],
    norm: Normalize,
    palette: Colormap,
    options: FigureOptions,
    left: float,
    clipped: bool,
) -> None:
    """Draw the scale of colours at the top, below its label."""
    inch, (width, height) = options.font_size / 72, figure.get_size_inches()
    length = min(2.2, width - left - 0.2)
    start = max(left, (width - length) / 2) if left + length < width - 0.1 else left
    start = min(start, width - length - 0.15)
    top = height - (0.4 + 1.3 * len(bars)) * inch
    axis = figure.add_axes((start / width, (top - 0.6 * inch) / height, length / width, 0.6 * inch / height))
    scale = figure.colorbar(ScalarMappable(norm, palette), cax=axis, orientation="horizontal")
    scale.outline.set_visible(False)
    ticks = np.linspace(float(norm.vmin or 0.0), float(norm.vmax or 0.0), 3).tolist()
    labels = [f"{tick:g}" for tick in ticks]
    if clipped:
        labels[0], labels[-1] = f"≤ {labels[0]}", f"≥ {labels[-1]}"
    scale.set_ticks(ticks, labels=labels)
    scale.ax.tick_params(labelsize=options.small, length=0, pad=1.5, colors="0.15")
    figure.text(
        0.5,
        1 - 0.2 * inch / height,
        "\n".join(bars),
        ha="center",
        va="top",
        fontsize=options.font_size,
        linespacing=1.05,
    )
