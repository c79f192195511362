"""Labels next to points, where no other label and no point stands."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from bench.results.figures.options import FigureOptions

__all__ = ["labels_beside"]

PLACES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
DISTANCES = (0.45, 1.2)  # from the point, in units of the font size


def labels_beside(
    axis: Axes,
    texts: Sequence[tuple[str, float, float]],
    x: Iterable[float],
    y: Iterable[float],
    options: FigureOptions,
) -> None:
    """Write texts next to their points; one that has room nowhere is left out.

    Arguments:
        axis: A panel whose place in its figure is known (the figure was laid out).
        texts: Texts with the coordinates of their points.
        x: Horizontal coordinates of all points of the panel.
        y: Their vertical coordinates.
        options: Sizes.
    """
    if not texts:
        return
    half = 0.25 * options.font_size * axis.figure.dpi / 72
    points = axis.transData.transform(np.column_stack([list(x), list(y)]))
    taken = [Bbox.from_extents(*(point - half), *(point + half)) for point in points]
    inside = axis.get_window_extent()
    for text, at, value in texts:
        for distance, (right, up) in itertools.product(DISTANCES, PLACES):
            written = axis.annotate(
                text,
                (at, value),
                xytext=(right * distance * options.font_size, up * distance * options.font_size),
                textcoords="offset points",
                ha=("right", "center", "left")[right + 1],
                va=("top", "center", "bottom")[up + 1],
                fontsize=6.0,
                color="0.3",
            )
            written.set_in_layout(False)
            box = written.get_window_extent()
            fits = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1
            if fits and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            written.remove()
