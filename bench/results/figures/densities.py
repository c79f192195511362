"""Densities of posterior samples, of one parameter as a line and of two as contours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bench.results.figures.looks import Look

__all__ = ["contours", "marginal"]

BINS, SMOOTHING = 60, 1.5  # of densities, along an axis; standard deviation of the smoothing in bins
BEYOND = 4 * BINS  # most bins at either side of a panel, for samples that are not seen
FINER = 3  # bins of a marginal for each of these, with the same smoothing: a line shows its corners


def marginal(axis: Axes, values: np.ndarray, limits: tuple[float, float], look: Look | None) -> None:
    """Draw the density of samples ``(N,)`` as a line in the method's look; of the reference as an area.

    Arguments:
        axis: Panel.
        values: Samples, of which those outside the panel count for the height.
        limits: Range of the panel.
        look: Look of the method; None for the reference.
    """
    from scipy.ndimage import gaussian_filter1d

    counts, edges = np.histogram(values, FINER * BINS, limits)
    density = gaussian_filter1d(counts / max(len(values), 1), FINER * SMOOTHING, mode="nearest")
    middles = (edges[1:] + edges[:-1]) / 2
    if look is None:
        axis.fill_between(middles, density, color="0.85", linewidth=0)
    else:
        axis.plot(middles, density, color=look.color, linestyle=look.line, linewidth=1.1)


def _edges(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Return edges of bins as wide as a panel's, over the panel and the samples beyond it.

    A contour of samples that reach beyond the panel is then the same as in a larger panel.
    """
    width = (limits[1] - limits[0]) / BINS
    first, last = np.quantile(values, [0.001, 0.999])
    before, after = (
        int(np.clip(np.ceil(far / width), 0, BEYOND)) for far in (limits[0] - first, last - limits[1])
    )
    return limits[0] + width * np.arange(-before, BINS + after + 1)


def contours(
    axis: Axes,
    pairs: np.ndarray,
    x: tuple[float, float],
    y: tuple[float, float],
    look: Look | None,
    shares: tuple[float, ...],
) -> None:
    """Draw the lines within which shares of the samples lie where they are densest; of the reference areas.

    Arguments:
        axis: Panel.
        pairs: Samples of two parameters, ``(N, 2)``.
        x: Range of the panel in the first parameter.
        y: Range in the second.
        look: Look of the method; None for the reference.
        shares: Shares of the samples, such as 0.95.
    """
    from scipy.ndimage import gaussian_filter

    edges = [_edges(values, limits) for values, limits in zip(pairs.T, (x, y), strict=True)]
    counts, across, up = np.histogram2d(pairs[:, 0], pairs[:, 1], edges)
    density = gaussian_filter(counts, SMOOTHING, mode="constant").T
    if density.max() <= 0:
        return
    # The level of a contour is the density that this share of the samples has at least, where they lie.
    places = [
        np.searchsorted(edges, values, "right") - 1
        for edges, values in zip((across, up), pairs.T, strict=True)
    ]
    inside = [(place >= 0) & (place < size) for place, size in zip(places, counts.shape, strict=True)]
    seen = np.all(inside, axis=0)
    there = np.zeros(len(pairs))
    there[seen] = density[places[1][seen], places[0][seen]]
    levels = [float(np.quantile(there, 1 - share)) for share in shares]
    levels = sorted({level for level in levels if 0 < level < density.max()})
    if not levels:
        return
    middles = [(edges[1:] + edges[:-1]) / 2 for edges in (across, up)]
    if look is None:
        shades = ["0.87", "0.72"][-len(levels) :]
        axis.contourf(*middles, density, levels=[*levels, density.max() * 1.01], colors=shades)
    else:
        axis.contour(
            *middles, density, levels=levels, colors=look.color, linewidths=0.9, linestyles=[look.line]
        )
