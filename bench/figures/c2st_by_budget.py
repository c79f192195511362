"""C2ST against the simulation budget, one panel a task."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from bench.figures.style import COLUMNS_WIDE, PANEL, palette, scored

__all__ = ["c2st_by_budget"]


def c2st_by_budget(rows: pd.DataFrame) -> Figure:
    """Mean over observations and seeds; bars are the standard deviation over them. The line is 0.5."""
    data = scored(rows)
    colors = palette(data)
    grid = sns.catplot(
        data=data,
        kind="point",
        x="num_simulations",
        y="c2st",
        hue="method",
        hue_order=list(colors),
        palette=colors,
        col="task",
        col_order=sorted(data["task"].unique()),
        col_wrap=min(COLUMNS_WIDE, data["task"].nunique()),
        errorbar="sd",
        dodge=0.4 if len(colors) > 1 else False,  # seaborn divides by the number of methods less one
        markersize=5,
        linewidth=1.2,
        err_kws={"linewidth": 1.0},
        **PANEL,
    )
    grid.set_titles("{col_name}")
    grid.set_axis_labels("simulations", "C2ST (0.5 is best)")
    grid.set(ylim=(0.45, 1.02))
    for axis in grid.axes.flat:
        axis.axhline(0.5, color="0.3", linewidth=1.0, linestyle="--", zorder=1)
    return grid.figure
