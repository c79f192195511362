"""Performance profiles: on which share of tasks a method is within a factor of the best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.errors import UsageError
from bench.results.figures.figure import ResultFigure, register_figure

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Profile"]

LEAST = 0.01  # of C2ST - 0.5; smaller differences are noise
FARTHEST = 50.0  # largest factor that is drawn


@register_figure("profile")
class Profile(ResultFigure):
    """Share of tasks and budgets on which a method is within a factor of the best method."""

    needs = ("c2st",)
    missing = "no row has a C2ST (all cells failed, or the tasks have no reference)"
    scored = True
    one_size = True
    exact = True

    def draw(self, rows: pd.DataFrame) -> Any:
        """One step function for each method; the higher the better. Of a C2ST, C2ST - 0.5 is compared.

        A method that did not run a task, or failed there, is within no factor on it.

        Reference: Dolan and Moré, Benchmarking optimization software with performance profiles, 2002.

        Raises:
            UsageError: if there are fewer than two methods, or the metric has values that are not positive.
        """
        import numpy as np

        from bench.results.figures.looks import looks
        from bench.results.figures.metric_axis import is_c2st, metric_name
        from bench.results.figures.panels import entries, log_ticks, panels
        from bench.results.figures.problems import PROBLEM, is_compared, losses, without_reference

        options = self.options
        table = losses(rows, options.metric, PROBLEM)
        self.caption_only(without_reference(rows), is_compared)
        if is_c2st(options.metric):
            table = (table - 0.5).clip(lower=LEAST)
        if not (table.min() > 0).all():
            raise UsageError(
                f"plot: profile compares ratios, and {metric_name(options.metric)} has values that are not "
                "positive"
            )
        ratios = table.div(table.min(axis=1), axis=0).fillna(np.inf).to_numpy()
        farthest = float(np.clip(ratios[np.isfinite(ratios)].max(), 2.0, FARTHEST))
        known = looks(table.columns, options.style)
        what = (
            f"{metric_name(options.metric)} \N{MINUS SIGN} 0.5"
            if is_c2st(options.metric)
            else metric_name(options.metric)
        )
        figure, [axis] = panels(
            [""],
            options,
            aspect=0.65,
            legend=entries(known.values(), options),
            x_label=f"within this factor of the best {what}",
            y_label="share of tasks"
            + ("" if table.index.get_level_values(1).nunique() == 1 else " and budgets"),
        )
        for place, (method, look) in enumerate(known.items()):
            sorted_ = np.sort(ratios[:, list(table.columns).index(method)])
            x = [1.0, *sorted_[np.isfinite(sorted_)], farthest * 2]
            y = [0.0, *(np.arange(1, len(x) - 1) / len(sorted_))]
            axis.step(x, [*y, y[-1]], where="post", color=look.color, linestyle=look.line, linewidth=1.1)
            # Markers stand on the line, at another place for each method.
            marks = np.geomspace(1.0, farthest, 2 * len(known) + 1)[1 + place :: len(known)]
            heights = [np.mean(sorted_ <= mark) for mark in marks]
            axis.plot(
                marks, heights, color=look.color, marker=look.marker, linestyle="none",
                markersize=0.5 * options.font_size,
            )  # fmt: skip
        log_ticks(axis, "x", 1.0, farthest, options, margin=0.03)
        axis.set(ylim=(-0.04, 1.04))
        self.note(
            f"Factors are of {what}"
            + (f", at least {LEAST}" if is_c2st(options.metric) else "")
            + f", over {len(table)} pairs of task and budget. A pair that a method has no value of is never "
            "within a factor."
        )
        return figure
