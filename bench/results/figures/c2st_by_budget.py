"""Accuracy against the simulation budget, one panel a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.results.figures.figure import POINT, ResultFigure, register_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from bench.results.figures.looks import Look

__all__ = ["C2STByBudget"]

BREADTH = 0.56  # of the points of one budget, in units of the distance of budgets


@register_figure("c2st_by_budget")
class C2STByBudget(ResultFigure):
    """Accuracy against the number of simulations, one panel for each task."""

    needs = ("c2st",)
    missing = "no row has a C2ST (all cells failed, or the tasks have no reference)"
    scored = True
    one_size = True
    shows_published = True
    exact = True

    def draw(self, rows: pd.DataFrame) -> Any:
        """Mean over observations and seeds, with bars; a dashed line is a perfect C2ST.

        Methods stand side by side at each budget; with one budget, the horizontal axis has no ticks.
        Published means of the same budgets are hollow points.
        """
        from bench.results.figures.by_task import by_task, hidden_floor
        from bench.results.figures.looks import looks
        from bench.results.figures.metric_axis import INTERVALS, estimates, without_floor
        from bench.results.figures.panels import marker_size, number, small_ticks
        from bench.results.figures.published_points import hollow, published_looks, published_means
        from bench.results.figures.text_size import every

        options = self.options
        data, floor = without_floor(rows, options.metric)
        points = estimates(data, POINT, options.metric, options.interval)
        budgets = sorted(points["num_simulations"].unique())
        several = len(budgets) > 1
        known = looks(points["method"], options.style)
        published = published_looks(options.published, data, budgets)
        place = {budget: number for number, budget in enumerate(budgets)}
        slots = [*known, *published]
        shift = {
            name: BREADTH * ((k + 0.5) / len(slots) - 0.5) if len(slots) > 1 else 0.0
            for k, name in enumerate(slots)
        }
        size = marker_size(options, len(slots))
        self.caption_only(rows[rows["task"].isin(points["task"])])
        figure, axes = by_task(
            points,
            list(points["task"]),
            floor,
            known,
            options,
            x_label=_x_label(budgets, len(slots)),
            lines=several,
            more=[hollow(look, options) for look in published.values()],
        )
        for (task, method), line in points.groupby(["task", "method"]):
            _bars(axes[str(task)], line, known[str(method)], place, shift[str(method)], size)
        for name, look in published.items():
            for task, budget, mean in published_means(options.published, name):
                if task in axes and budget in place:
                    point = hollow(look, options)
                    point.set(xdata=[place[budget] + shift[name]], ydata=[mean], markersize=size)
                    axes[task].add_line(point)
        labels = [number(budget) for budget in budgets] if several else []
        for axis in axes.values():
            small_ticks(axis, options)
            step = every(labels, axis.get_position().width * options.width, options.small) if several else 1
            axis.set_xticks(list(place.values())[: len(labels) : step], labels[::step])
            beyond = 0.5 if several else 0.5 * BREADTH  # methods of one budget may use all of the width
            axis.set_xlim(-beyond, len(budgets) - 1 + beyond)
            axis.grid(visible=False, axis="x")
        lowest = min(axis.get_ylim()[0] for axis in axes.values())
        cut = ", cut where they reach below the axis" if (points["low"] < lowest).any() else ""
        self.note(f"Points are means, bars {INTERVALS[options.interval]}{cut}.{hidden_floor(axes, floor)}")
        if several and len(slots) > 1:
            self.note("Methods stand side by side at each number of simulations.")
        if published:
            of_shown = options.published["label"].isin(list(published))  # type: ignore[index]
            sources = ", ".join(sorted(options.published.loc[of_shown, "source"].unique()))  # type: ignore[union-attr]
            self.note(
                "Hollow points are published means, by the same classifier and at the same budgets, from "
                f"{sources}."
            )
        elif options.published is not None:
            self.note("There are no published results of these tasks, methods and budgets.")
        return figure


def _x_label(budgets: list[int], num_methods: int) -> str:
    from bench.results.figures.panels import number

    beside = "methods side by side" if num_methods > 1 else ""
    if len(budgets) > 1:
        return f"simulations ({beside})" if beside else "simulations"
    return ", ".join(filter(None, [beside, f"{number(budgets[0])} simulations"]))


def _bars(
    axis: Axes, line: pd.DataFrame, look: Look, place: dict[int, int], shift: float, size: float
) -> None:
    line = line.sort_values("num_simulations")
    at = line["num_simulations"].map(place) + shift
    axis.errorbar(
        at,
        line["mean"],
        yerr=[line["mean"] - line["low"], line["high"] - line["mean"]],
        markersize=size,
        linewidth=0.9,
        elinewidth=0.7,
        **look.line_options(),
    )
