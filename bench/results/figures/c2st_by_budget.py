"""C2ST against the simulation budget, one panel a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.results.figures.figure import ResultFigure, register_figure

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["C2STByBudget"]


@register_figure("c2st_by_budget")
class C2STByBudget(ResultFigure):
    """C2ST against the number of simulations, one panel for each task."""

    needs = ("c2st",)
    missing = "no row has a C2ST (all cells failed, or the tasks have no reference)"
    one_size = True

    def draw(self, rows: pd.DataFrame) -> Any:
        """Mean over observations and seeds; bars are the standard deviation over them. The line is 0.5."""
        import seaborn as sns

        from bench.results.figures.style import COLUMNS_WIDE, PANEL, finish, noise_floor, palette

        data, floor = noise_floor(rows)
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
