"""What all figures share: style, colours by method, the noise floor, and how figures are saved."""

from __future__ import annotations

import math
import uuid
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from bench.results.directories import replace
from bench.results.figures.figure import FLOOR

__all__ = ["COLUMNS_WIDE", "PANEL", "STYLE", "finish", "legend_columns", "noise_floor", "palette", "save"]

COLUMNS_WIDE = 3
PANEL = {"height": 2.9, "aspect": 1.15}
ENTRY = 0.21  # height of a line of a legend in inches
STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "0.9",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "legend.frameon": False,
    "savefig.bbox": "tight",
    "savefig.dpi": 160,
    "svg.fonttype": "none",
}


def noise_floor(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, float]]:
    """Rows of methods proper, and the mean C2ST of ``reference`` for each task that has such rows.

    Where the rows are of ``reference`` alone, it is taken for a method.
    """
    is_floor = rows["method"] == FLOOR
    if is_floor.all():
        return rows, {}
    means = rows[is_floor].groupby("task")["c2st"].mean()
    return rows[~is_floor], {str(task): float(mean) for task, mean in means.items()}


def palette(rows: pd.DataFrame) -> dict[str, tuple[float, float, float]]:
    """One colour for each method, the same in every figure of these rows."""
    methods = sorted(rows["method"].unique())
    name = "colorblind" if len(methods) <= 10 else "husl"
    return dict(zip(methods, sns.color_palette(name, len(methods)), strict=True))


def finish(grid: sns.FacetGrid, x_label: str, floor: dict[str, float]) -> Figure:
    """Titles, labels and lines of a perfect C2ST and of the noise floor (dotted), in all panels by task."""
    grid.set_titles("{col_name}")
    grid.set_axis_labels(x_label, "C2ST (0.5 is best)")
    grid.set(ylim=(0.45, 1.02))
    legend = grid.legend
    columns = legend_columns(grid.figure, 0 if legend is None else len(legend.get_texts()))
    if columns > 1:  # right of the panels; saving makes the picture large enough
        sns.move_legend(grid, "center left", bbox_to_anchor=(1.0, 0.5), ncols=columns)
        grid.figure.subplots_adjust(right=0.98)
    for task, axis in grid.axes_dict.items():
        axis.axhline(0.5, color="0.3", linewidth=1.0, linestyle="--", zorder=1)
        if task in floor:
            axis.axhline(floor[task], color="0.3", linewidth=1.4, linestyle=":", zorder=1)
            axis.annotate(
                "reference",
                (1.0, floor[task]),
                xycoords=("axes fraction", "data"),
                xytext=(-2, -2),
                textcoords="offset points",
                ha="right",
                va="top",
                fontsize="x-small",
                color="0.3",
            )
    return grid.figure


def legend_columns(figure: Figure, num_entries: int) -> int:
    """Number of columns with which a legend is no longer than its figure."""
    return max(1, math.ceil(num_entries / max(1, int(figure.get_figheight() / ENTRY))))


def save(figure: Figure, directory: Path, name: str) -> list[Path]:
    """Write a figure as PNG and PDF and return the paths. Each file is written completely or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / f"{name}.{suffix}" for suffix in ("png", "pdf")]
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        for path in paths:
            temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex}{path.suffix}")
            try:
                figure.savefig(temporary)
                replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
    return paths
