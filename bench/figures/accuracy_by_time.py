"""Accuracy against sampling time, one panel a task: the lower left corner is where a sampler wants to be."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from bench.errors import UsageError
from bench.figures.style import COLUMNS_WIDE, PANEL, finish, noise_floor, palette, scored

__all__ = ["accuracy_by_time"]

PER = 10_000


def accuracy_by_time(rows: pd.DataFrame) -> Figure:
    """One point for each task, method and budget: mean C2ST, median seconds per 10 000 samples.

    Raises:
        UsageError: where no row has both.
    """
    data, floor = noise_floor(scored(rows))
    colors = palette(data)
    data = data.assign(seconds=data["sample_s"] / data["num_posterior_samples"] * PER)
    keys = ["task", "method", "num_simulations"]
    points = data.groupby(keys, as_index=False).agg(c2st=("c2st", "mean"), seconds=("seconds", "median"))
    points = points[points["seconds"] > 0].rename(columns={"num_simulations": "simulations"})
    if points.empty:
        raise UsageError("plot: no row with a C2ST has a sampling time")
    points["simulations"] = points["simulations"].astype(str)
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
    grid.set(xscale="log")
    return finish(grid, "seconds per 10 000 samples", floor)
