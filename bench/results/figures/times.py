"""Times of training and sampling, one line a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.errors import UsageError
from bench.results.ends_of_scale import FLOOR, SCALE
from bench.results.figures.accuracy_by_time import SHARED, budget_sizes, seconds_per_batch
from bench.results.figures.figure import POINT, ResultFigure, label, register_figure

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Times"]

SPREAD = 0.5  # of the budgets of one method, in units of the distance of methods


@register_figure("times")
class Times(ResultFigure):
    """Seconds of training and of 10 000 samples, a line for each method and number of simulations."""

    needs = ("sample_s",)
    missing = "no row has a sampling time (all cells failed)"
    exact = True

    def draw(self, rows: pd.DataFrame) -> Any:
        """Large symbols are geometric means over tasks, dots the median of each task.

        :func:`.of_one_clock` says which rows are shown.

        Raises:
            UsageError: if no time is positive.
        """
        import numpy as np

        from bench.results.figures.looks import looks
        from bench.results.figures.of_one_clock import of_one_clock
        from bench.results.figures.panels import log_ticks, panels, small_ticks
        from bench.results.figures.text_size import fitted

        options = self.options
        proper = rows[rows["method"] != FLOOR] if (rows["method"] != FLOOR).any() else rows
        data = proper.assign(
            sampling=seconds_per_batch(proper), training=proper["train_s"].where(proper["train_s"] > 0)
        )
        data, (device, timing), others = of_one_clock(data.dropna(subset="sampling"), POINT)
        if data.empty:
            raise UsageError("plot: no row has a sampling time above zero")
        self.caption_only(data, lambda failed: ~failed["method"].isin(SCALE))
        known = looks(data["method"], options.style)
        points = data.groupby(POINT, as_index=False)[["training", "sampling"]].median()
        titles = {"training": "training", "sampling": "10 000 samples"}
        shown = {column: title for column, title in titles.items() if points[column].notna().any()}
        sizes, more = budget_sizes(points["num_simulations"], options)
        budgets = sorted(sizes)
        figure, axes = panels(
            list(shown.values()),
            options,
            legend=more,
            x_label=f"seconds ({label(device)}, {label(timing)})",
            columns=2,
            share=False,
        )
        inch = options.font_size / 72
        # A line for each method, with room for several budgets.
        lines = len(known) * inch * (1.6 + 0.5 * (len(budgets) - 1))
        figure.set_figheight(lines + 6.5 * inch + (2 * inch if more else 0.0))
        at = {method: -place for place, method in enumerate(known)}
        names = [fitted(look.name, 0.3 * options.width, options.small) for look in known.values()]
        for axis, column in zip(axes, shown, strict=True):
            small_ticks(axis, options)
            axis.set_yticks(list(at.values()), names if axis is axes[0] else [""] * len(names))
            axis.tick_params(axis="y", length=0)
            axis.set_ylim(-len(known) + 0.4, 0.6)
            for (method, budget), group in points.dropna(subset=column).groupby(
                ["method", "num_simulations"]
            ):
                look, size = known[str(method)], sizes[budget]
                y = at[str(method)] + _shift(budgets.index(budget), len(budgets))
                values = group[column].to_numpy()
                middle = float(np.exp(np.log(values).mean()))
                axis.plot([values.min(), values.max()], [y, y], color=look.color, linewidth=0.8, alpha=0.6)
                axis.plot([middle], [y], color=look.color, marker=look.marker, markersize=1.1 * size)
                axis.plot(
                    values, [y] * len(values), "o", color=look.color, markersize=0.4 * size,
                    markeredgecolor="white", markeredgewidth=0.4,
                )  # fmt: skip
            log_ticks(axis, "x", points[column].min(), points[column].max(), options)
        lines_of = " The upper line of a method is of the smallest number of simulations." if more else ""
        self.note(
            "Symbols are geometric means over tasks, dots medians of single tasks, lines their range "
            f"({device}, {timing}{SHARED if timing == 'shared' else ''}), without simulation."
            f"{lines_of}{others}"
        )
        return figure


def _shift(place: int, number: int) -> float:
    """Vertical place of a budget within the line of its method; the smallest budget comes first."""
    return SPREAD * (0.5 - place / (number - 1)) if number > 1 else 0.0
