"""C2ST against the simulation budget, one panel a task."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from bench.results.figures.style import COLUMNS_WIDE, PANEL, finish, noise_floor, palette, scored

__all__ = ["c2st_by_budget"]


def c2st_by_budget(
    rows: pd.DataFrame, *, all_versions: bool = False, say: Callable[[str], None] | None = None
) -> Figure:
    """Mean over observations and seeds; bars are the standard deviation over them. The line is 0.5.

    The arguments are those of :func:`bench.results.figures.style.scored`.
    """
    data, floor = noise_floor(scored(rows, all_versions=all_versions, say=say))
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
    return finish(grid, "simulations", floor)
