"""Accuracy against time, one panel a task: the lower left corner is where a method wants to be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bench.errors import UsageError
from bench.results.ends_of_scale import PRIOR
from bench.results.figures.figure import POINT, ResultFigure, label, register_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["PER", "SHARED", "AccuracyByTime", "budget_sizes", "seconds_per_batch"]

PER = 10_000
CURVE = [*POINT, "steps"]
SHARED = " with other cells or programs"
TIMES = {
    "sampling": "seconds per 10 000 samples",
    "training": "seconds of training",
    "total": "seconds of training and 10 000 samples",
}


@register_figure("accuracy_by_time")
class AccuracyByTime(ResultFigure):
    """Accuracy against time, one panel for each task, with the Pareto front."""

    needs = ("c2st",)
    missing = "no row has a C2ST (all cells failed, or the tasks have no reference)"
    scored = True
    one_size = True
    exact = True
    without = ("steps",)

    def draw(self, rows: pd.DataFrame) -> Any:
        """One point for each task, method and budget: mean accuracy, median time.

        The time is that of 10 000 posterior samples, of training, or of both; that of simulations is left
        out, because rows do not always have it. Methods that differ only in ``steps``, those of an ODE's
        solver, share a look and are joined by a line. The grey steps are the Pareto front: no point is both
        quicker and more accurate than one on it. :func:`.of_one_clock` says which rows are shown.

        Raises:
            UsageError: if no row has both.
        """
        from bench.results.figures.by_task import by_task, hidden_floor
        from bench.results.figures.labels_beside import labels_beside
        from bench.results.figures.looks import looks
        from bench.results.figures.metric_axis import lower_is_better, metric_name, without_floor
        from bench.results.figures.of_one_clock import of_one_clock
        from bench.results.figures.panels import log_ticks, small_ticks

        options = self.options
        data, floor = without_floor(_with_steps(rows), options.metric)
        data = data.assign(seconds=_seconds(data, options.time))
        points = data.groupby(CURVE, as_index=False).agg(value=(options.metric, "mean"))
        clocked, (device, timing), others = of_one_clock(data.dropna(subset="seconds"), CURVE)
        if clocked.empty:
            raise UsageError(
                f"plot: no row with a {metric_name(options.metric)} has a time of {options.time}"
            )
        points = points.merge(
            clocked.groupby(CURVE, as_index=False).agg(seconds=("seconds", "median")), on=CURVE
        )
        is_floor = ~rows.index.isin(data.index) & rows["task"].isin(clocked["task"])
        self.caption_only(
            rows[rows.index.isin(clocked.index) | is_floor], lambda failed: failed["method"] != PRIOR
        )
        sizes, more = budget_sizes(points["num_simulations"], options)
        known = looks(points["method"], options.style)
        figure, axes = by_task(
            points[["value"]].set_axis(["mean"], axis=1),
            list(points["task"]),
            floor,
            known,
            options,
            x_label=f"{TIMES[options.time]} ({label(device)}, {label(timing)})",
            lines=False,
            more=more,
        )
        for (task, method, budget), line in points.groupby(POINT):
            look = known[str(method)].line_options() | {"linestyle": "-"}
            look |= {"zorder": 3 - 0.1 * list(sizes).index(budget)}  # small points above large ones
            ordered = line.sort_values("steps")
            axes[str(task)].plot(
                ordered["seconds"], ordered["value"], markersize=sizes[budget], linewidth=0.8, **look
            )
        for task, axis in axes.items():
            here = points[points["task"] == task]
            _front(axis, here, points["seconds"].max(), lower=lower_is_better(options.metric))
            small_ticks(axis, options)
            log_ticks(axis, "x", points["seconds"].min(), points["seconds"].max(), options)
        figure.draw_without_rendering()  # labels are placed where nothing stands
        for task, axis in axes.items():
            here = points[points["task"] == task]
            texts = [
                (f"{steps:.0f} steps", seconds, value)
                for _, line in here.groupby(POINT)
                if len(line) > 1
                for steps, seconds, value in line.sort_values("steps")
                .iloc[[0, -1]][["steps", "seconds", "value"]]
                .to_numpy(dtype=float)
            ]
            labels_beside(axis, texts, here["seconds"], here["value"], options)
        untrained = " and training" if options.time == "sampling" else ""
        over = (
            f", over all numbers of simulations (n = {', '.join(map(str, sizes))})" if len(sizes) > 1 else ""
        )
        self.note(
            "Points are means over observations and seeds. "
            f"Times are {TIMES[options.time]}, without simulation{untrained}, medians on {device}, {timing}"
            f"{SHARED if timing == 'shared' else ''}. "
            f"Grey steps are the Pareto front{over}.{others}{hidden_floor(axes, floor)}"
        )
        return figure


def seconds_per_batch(rows: pd.DataFrame) -> pd.Series:
    """Seconds per 10 000 samples; missing where they are not positive."""
    seconds = rows["sample_s"] / (rows["num_posterior_samples"] * rows["batch_size"].fillna(1)) * PER
    return seconds.where(seconds > 0)


def budget_sizes(budgets: pd.Series, options: Any) -> tuple[dict[Any, float], list[Any]]:
    """Return the size of markers for each budget in points, and legend entries if there are several."""
    from matplotlib.lines import Line2D

    from bench.results.figures.panels import number

    known = sorted({int(budget) for budget in budgets})
    unit = 0.5 * options.font_size
    if len(known) == 1:
        return {known[0]: unit}, []
    sizes = {budget: unit * (0.75 + 0.5 * k / (len(known) - 1)) for k, budget in enumerate(known)}
    return sizes, [
        Line2D(
            [], [], color="0.5", marker="o", linestyle="none", markersize=size, label=f"n = {number(budget)}"
        )
        for budget, size in sizes.items()
    ]


def _seconds(rows: pd.DataFrame, time: str) -> pd.Series:
    if time == "training":
        return rows["train_s"].where(rows["train_s"] > 0)
    sampling = seconds_per_batch(rows)
    return sampling if time == "sampling" else sampling + rows["train_s"].fillna(0.0)


def _front(axis: Axes, points: pd.DataFrame, longest: float, *, lower: bool) -> None:
    """Draw the Pareto front as steps from the top to the right."""
    best = points.sort_values(["seconds", "value"], ascending=[True, lower])
    values = best["value"].cummin() if lower else best["value"].cummax()
    front = best[~values.duplicated() & (best["value"] == values)]
    x = [front["seconds"].iloc[0], *front["seconds"], longest * 10]
    worst = axis.get_ylim()[1 if lower else 0]
    y = [worst, *front["value"], front["value"].iloc[-1]]
    axis.step(x, y, where="post", color="0.75", linewidth=2.2, zorder=0.9, solid_joinstyle="round")


def _with_steps(rows: pd.DataFrame) -> pd.DataFrame:
    """The parameter ``steps`` as a column, -1 where there is none or it is no number."""
    texts = rows["params"].fillna("{}")
    steps = {text: json.loads(text).get("steps") for text in texts.unique()}
    known = {text: value if type(value) in (int, float) else -1 for text, value in steps.items()}
    return rows.assign(steps=texts.map(known))
