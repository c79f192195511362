"""Calibration curves: how often the truth lies inside, against how often it should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench.metrics.calibration_pairs import LEVELS
from bench.results.figures.figure import ResultFigure, register_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["Calibration"]

SIDE = 2.7  # inches
CHARACTER = 0.08  # width of a character in inches
# Curves as stored, the panel's title, and its vertical axis.
PANELS = {
    "sbc_curve": ("SBC ranks", "cumulative ranks - uniform"),
    "coverage_curve": ("central intervals", "coverage - nominal"),
    "tarp_curve": ("TARP", "coverage - nominal"),
}


@register_figure("calibration")
class Calibration(ResultFigure):
    """SBC ranks, coverage of central intervals and TARP, as differences from perfect calibration."""

    needs = ("sbc_ks", *PANELS, "num_calibration")
    missing = "no row is calibrated (run with --calibration 200)"

    def draw(self, rows: pd.DataFrame) -> Any:
        """A row of panels for each task.

        One line for each method and budget, the mean over seeds (for SBC one for each parameter); darker
        lines have more simulations. The grey band holds 95 % of the curves of a perfect posterior, level by
        level, at the smallest number of pairs that a curve of the task is over.
        """
        import matplotlib.pyplot as plt
        from matplotlib.lines import Line2D

        from bench.results.figures.style import legend_columns, palette

        data = rows.drop_duplicates("cell")
        # Rows from before the pairs that did not fail were counted have the number that was asked for.
        data = data.assign(pairs=data["num_calibration_finite"].fillna(data["num_calibration"]))
        colors, tasks = palette(data), sorted(data["task"].unique())
        budgets = sorted(data["num_simulations"].unique())
        figure, axes = plt.subplots(
            len(tasks),
            len(PANELS),
            figsize=(SIDE * len(PANELS) * 1.25, SIDE * len(tasks)),
            squeeze=False,
            sharex=True,
            sharey=True,
            layout="constrained",
        )
        for task, panels in zip(tasks, axes, strict=True):
            here = data[data["task"] == task]
            for axis, (curve, (title, label)) in zip(panels, PANELS.items(), strict=True):
                _band(axis, int(here["pairs"].min()))
                for (method, budget), group in here.groupby(["method", "num_simulations"]):
                    strength = (1 + budgets.index(budget)) / len(budgets)
                    mean = np.mean(_curves(group[curve]), axis=0)
                    axis.plot(
                        LEVELS, (mean - LEVELS).T, color=colors[str(method)], alpha=strength, linewidth=1.1
                    )
                axis.set(title=f"{task}: {title}", xlabel="level", ylabel=label)
        lines = [Line2D([], [], color=color, label=method) for method, color in colors.items()]
        columns = legend_columns(figure, len(lines))
        if columns > 1:  # the panels keep their width
            widest = max(len(method) for method in colors)
            figure.set_figwidth(figure.get_figwidth() + columns * (0.6 + CHARACTER * widest))
        figure.legend(handles=lines, loc="outside right upper", ncols=columns)
        return figure


def _curves(values: pd.Series) -> np.ndarray:
    """Curves as ``(rows, parameters, levels)``, of the rows with the number of parameters that most have."""
    shapes = values.map(len)
    same = values[shapes == shapes.mode().iloc[0]]
    return np.stack([np.reshape(each, (-1, len(LEVELS))) for each in same])


def _band(axis: Axes, num_pairs: int) -> None:
    from scipy.stats import binom

    low, high = (binom.ppf(p, num_pairs, LEVELS) / num_pairs - LEVELS for p in (0.025, 0.975))
    axis.fill_between(LEVELS, low, high, color="0.9", linewidth=0, zorder=0)
    axis.axhline(0.0, color="0.3", linewidth=1.0, linestyle="--", zorder=1)
