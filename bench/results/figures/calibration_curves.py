"""Calibration: how often the truth lies inside, against how often it should."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.metrics.calibration_pairs import LEVELS
from bench.results.figures.figure import ResultFigure, register_figure
from tasks.contract.seeding import derive_seed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["Calibration", "noise_level"]

MOST_METHODS, MOST_TASKS = 4, 6  # of curves; more are a heat map
# Curves as stored, what they are of, the axis of the curves, and the column of the distance from perfect.
PANELS = {
    "sbc_curve": ("SBC ranks", "sbc_ks"),
    "coverage_curve": ("central intervals", "coverage_error"),
    "tarp_curve": ("TARP", "tarp_ece"),
}
FARTHEST = 5.0  # last colour, in units of the noise level


@register_figure("calibration")
class Calibration(ResultFigure):
    """SBC ranks, coverage of central intervals and TARP, compared with perfect calibration."""

    needs = ("sbc_ks", *PANELS, "num_calibration")
    missing = "no row is calibrated (run with --calibration 200)"
    exact = True

    def draw(self, rows: pd.DataFrame) -> Any:
        """Curves of up to four methods on up to six tasks, otherwise a heat map of distances.

        Curves are differences from perfect calibration: one line for each method and budget, the mean over
        seeds (for SBC one for each parameter); stronger lines have more simulations. The grey band holds
        95 % of the curves of a perfect posterior, level by level, at the smallest number of pairs that a
        curve of the task is over. The heat map shows the largest budget. Its numbers are distances from
        perfect, its colours their ratio to the distance that a perfect posterior exceeds in 5 % of the cases.
        """
        data = rows.drop_duplicates("cell")
        # Rows from before the pairs that did not fail were counted have the number that was asked for.
        data = data.assign(pairs=data["num_calibration_finite"].fillna(data["num_calibration"]))
        few = data["method"].nunique() <= MOST_METHODS and data["task"].nunique() <= MOST_TASKS
        if few:
            return self._curves(data)
        largest = rows["num_simulations"].max()
        self.caption_only(
            rows[rows["num_simulations"] == largest], lambda failed: failed["num_simulations"] == largest
        )
        return self._heat_map(data)

    def _curves(self, data: pd.DataFrame) -> Any:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        from bench.results.figures.by_task import task_titles
        from bench.results.figures.looks import looks
        from bench.results.figures.panels import entries, legend_above, legend_height, small_ticks
        from bench.results.figures.text_size import fitted

        options = self.options
        known, titles = looks(data["method"], options.style), task_titles(list(data["task"]), options)
        budgets = sorted(data["num_simulations"].unique())
        legend = entries(known.values(), options)
        for line in legend:
            line.set_marker("")
        inch = options.font_size / 72
        side = max(0.75, 0.22 * options.width)
        height = legend_height(legend, options) + len(titles) * min(side, 1.3) + 5.5 * inch
        figure = Figure(figsize=(options.width, height), layout="constrained")
        axes = figure.subplots(len(titles), len(PANELS), squeeze=False, sharex=True, sharey=True)
        figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.01, hspace=0.01)  # type: ignore[call-arg, union-attr]
        for (task, title), row, first in zip(
            titles.items(), axes, [True, *[False] * len(titles)], strict=False
        ):
            here = data[data["task"] == task]
            row[0].set_ylabel(fitted(title, min(side, 1.3), options.small), fontsize=options.small)
            for axis, (curve, (name, _)) in zip(row, PANELS.items(), strict=True):
                small_ticks(axis, options)
                _band(axis, int(here["pairs"].min()))
                for (method, budget), group in here.groupby(["method", "num_simulations"]):
                    look = known[str(method)]
                    strength = (1 + budgets.index(budget)) / len(budgets)
                    mean = np.mean(_curves(group[curve]), axis=0)
                    drawn = {"color": look.color, "linestyle": look.line, "linewidth": 1.0}
                    axis.plot(LEVELS, (mean - LEVELS).T, alpha=strength, **drawn)
                if first:
                    axis.set_title(
                        fitted(name, options.width / 3.6, options.font_size),
                        fontsize=options.font_size,
                        pad=3,
                    )
        axes[0, 0].set_xticks([0.1, 0.5, 0.9])
        axes[0, 0].yaxis.set_major_locator(MaxNLocator(4))
        figure.supxlabel("level", fontsize=options.font_size)
        figure.supylabel("difference from perfect", fontsize=options.font_size)
        legend_above(figure, legend, options)
        self.note(
            "The grey band holds 95 % of the curves of a perfect posterior, level by level; SBC ranks have a "
            "curve for each parameter. Curves are empirical minus nominal."
        )
        return figure

    def _heat_map(self, data: pd.DataFrame) -> Any:
        from bench.results.figures.by_task import task_titles
        from bench.results.figures.heat_map import heat_map
        from bench.results.figures.looks import looks
        from bench.results.figures.panels import number

        options = self.options
        budget = int(data["num_simulations"].max())
        data = data[data["num_simulations"] == budget]
        known, titles = looks(data["method"], options.style), task_titles(list(data["task"]), options)
        parts, shown = [], []
        for name, column in PANELS.values():
            levels = [
                noise_level(column, int(pairs), len(curve) // len(LEVELS))
                for pairs, curve in zip(data["pairs"], data["sbc_curve"], strict=True)
            ]
            both = data.assign(ratio=data[column] / levels)
            ratio, distance = (
                both.pivot_table(index="method", columns="task", values=what, aggfunc="mean")
                .reindex(index=list(known), columns=list(titles))
                .to_numpy()
                for what in ("ratio", column)
            )
            parts.append((name, ratio))
            shown.append(100 * distance)
        self.note(
            f"Numbers are distances from perfect calibration in per cent, at {budget} simulations, over "
            f"{_pairs(data)} fresh pairs (theta, x) for each cell. Colours are their ratio to the level of "
            "noise, which a perfect posterior of independent parameters exceeds in 5 % of the cases. For SBC "
            "ranks it is the largest distance of any parameter at any level, for the others the mean over "
            "levels. Grey cells have no calibration."
        )
        return heat_map(
            parts,
            [look.name for look in known.values()],
            list(titles.values()),
            options,
            limits=(1.0, FARTHEST),
            colors="Reds",
            text="{:.0f}",
            bar=f"distance from perfect calibration in % (n = {number(budget)})\n"
            "colour: distance / level of noise",
            shown=shown,
            clipped=True,
        )


@lru_cache(maxsize=512)
def noise_level(column: str, num_pairs: int, dim_theta: int) -> float:
    """Return the distance that a perfect posterior exceeds in 5 % of the cases, by simulation.

    Arguments:
        column: ``sbc_ks``, ``coverage_error`` or ``tarp_ece``.
        num_pairs: Number of pairs that the distance is over.
        dim_theta: Number of parameters, which are taken as independent of each other.
    """
    generator = np.random.default_rng(derive_seed("noise of calibration", column, num_pairs, dim_theta))
    dim = 1 if column == "tarp_ece" else max(1, dim_theta)
    found = []
    for _ in range(200):
        ranks = np.sort(generator.random((dim, num_pairs)), axis=1)
        if column == "sbc_ks":
            steps = np.arange(num_pairs) / num_pairs
            found.append(max(np.max(ranks - steps), np.max(steps + 1 / num_pairs - ranks)))
        else:
            found.append(np.abs((ranks[:, :, None] < LEVELS).mean(1) - LEVELS).mean())
    return float(np.quantile(found, 0.95))


def _pairs(data: pd.DataFrame) -> str:
    """Number of pairs, or its range."""
    low, high = int(data["pairs"].min()), int(data["pairs"].max())
    return str(high) if low == high else f"{low} to {high}"


def _curves(values: pd.Series) -> np.ndarray:
    """Curves as ``(rows, parameters, levels)``, of the rows with the number of parameters that most have."""
    shapes = values.map(len)
    same = values[shapes == shapes.mode().iloc[0]]
    return np.stack([np.reshape(each, (-1, len(LEVELS))) for each in same])


def _band(axis: Axes, num_pairs: int) -> None:
    from scipy.stats import binom

    low, high = (binom.ppf(p, num_pairs, LEVELS) / num_pairs - LEVELS for p in (0.025, 0.975))
    axis.fill_between(LEVELS, low, high, color="0.9", linewidth=0, zorder=0)
    axis.axhline(0.0, color="0.3", linewidth=0.8, linestyle="--", zorder=1)
