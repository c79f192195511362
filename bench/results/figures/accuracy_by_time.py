"""Accuracy against sampling time, one panel a task: the lower left corner is where a sampler wants to be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bench.errors import UsageError
from bench.results.figures.figure import POINT, ResultFigure, label, register_figure

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AccuracyByTime"]

PER = 10_000
CURVE = [*POINT, "steps"]


@register_figure("accuracy_by_time")
class AccuracyByTime(ResultFigure):
    """C2ST against the time of 10 000 posterior samples, one panel for each task."""

    needs = ("c2st",)
    missing = "no row has a C2ST (all cells failed, or the tasks have no reference)"
    one_size = True
    without = ("steps",)

    def draw(self, rows: pd.DataFrame) -> Any:
        """One point for each task, method and budget: mean C2ST, median seconds per 10 000 samples.

        Methods that differ only in ``steps``, those of an ODE's solver, share a colour and are joined by a
        line. Times on different devices, or taken next to other work and alone, are never mixed: the kind
        that most points have is shown, and named below.

        Raises:
            UsageError: if no row has both.
        """
        import seaborn as sns

        from bench.results.figures.style import COLUMNS_WIDE, PANEL, finish, noise_floor, palette
        from bench.results.selection import times_of_one_kind

        data, floor = noise_floor(_with_steps(rows))
        colors = palette(data)
        seconds = data["sample_s"] / (data["num_posterior_samples"] * data["batch_size"].fillna(1)) * PER
        data = data.assign(seconds=seconds.where(seconds > 0))
        points = data.groupby(CURVE, as_index=False).agg(c2st=("c2st", "mean"))
        clocked, (device, timing) = times_of_one_kind(data.dropna(subset="seconds"), CURVE)
        if clocked.empty:
            raise UsageError("plot: no row with a C2ST has a sampling time")
        points = points.merge(
            clocked.groupby(CURVE, as_index=False).agg(seconds=("seconds", "median")), on=CURVE
        )
        points["simulations"] = points["num_simulations"].astype(str)
        grid = sns.relplot(
            data=points,
            x="seconds",
            y="c2st",
            hue="method",
            hue_order=list(colors),
            palette=colors,
            style="simulations",
            col="task",
            col_order=sorted(points["task"].unique()),
            col_wrap=min(COLUMNS_WIDE, points["task"].nunique()),
            s=70,
            **PANEL,
        )
        for (task, method, _), line in points.groupby(POINT):
            if len(line) > 1:
                ordered = line.sort_values("steps")
                axis = grid.axes_dict[task]
                axis.plot(
                    ordered["seconds"], ordered["c2st"], color=colors[str(method)], linewidth=1.0, zorder=1
                )
                for point in (ordered.iloc[0], ordered.iloc[-1]):
                    axis.annotate(
                        f"{point['steps']:.0f} steps",
                        (point["seconds"], point["c2st"]),
                        xytext=(3, 4),
                        textcoords="offset points",
                        fontsize="x-small",
                        color="0.3",
                    )
        grid.set(xscale="log")
        return finish(grid, f"seconds per 10 000 samples\n({label(device)}, {label(timing)})", floor)


def _with_steps(rows: pd.DataFrame) -> pd.DataFrame:
    """The parameter ``steps`` as a column, -1 where there is none or it is no number."""
    texts = rows["params"].fillna("{}")
    steps = {text: json.loads(text).get("steps") for text in texts.unique()}
    known = {text: value if type(value) in (int, float) else -1 for text, value in steps.items()}
    return rows.assign(steps=texts.map(known))
