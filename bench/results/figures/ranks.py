"""Mean ranks over tasks, with the critical difference of Nemenyi's test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.errors import UsageError
from bench.results.critical_difference import LEVEL, critical_difference
from bench.results.ends_of_scale import SCALE
from bench.results.figures.figure import ResultFigure, register_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from bench.results.figures.looks import Look

__all__ = ["Ranks", "cliques"]


def cliques(ranks: list[float], difference: float) -> list[tuple[int, int]]:
    """Return first and last place of the largest groups within which no two ranks differ by more.

    Arguments:
        ranks: Mean ranks in ascending order.
        difference: Critical difference.

    Example:
        >>> cliques([1.0, 1.5, 3.0, 3.2, 3.3], 1.0)
        [(0, 1), (2, 4)]
    """
    found: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = max(k for k, rank in enumerate(ranks) if rank - ranks[first] <= difference)
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found


@register_figure("ranks")
class Ranks(ResultFigure):
    """Mean ranks of methods over tasks, joined where Nemenyi's test does not tell them apart."""

    needs = ("c2st",)
    missing = "no row has a C2ST (all cells failed, or the tasks have no reference)"
    scored = True
    one_size = True
    exact = True

    def draw(self, rows: pd.DataFrame) -> Any:
        """Critical-difference diagram over the tasks that all methods of one budget ran; 1 is best.

        ``reference`` and ``prior``, the ends of the scale, get no rank.

        Raises:
            UsageError: if there are fewer than two methods, or fewer than two such tasks.
        """
        from matplotlib.figure import Figure

        from bench.results.figures.looks import looks
        from bench.results.figures.metric_axis import metric_name
        from bench.results.figures.panels import number

        options = self.options
        table, budget, left_out = self._table(rows)
        seen = rows["method"].isin(table.columns) & rows["task"].isin(table.index)
        self.caption_only(
            rows[seen & (rows["num_simulations"] == budget)],
            lambda failed: (
                ~failed["method"].isin(SCALE)
                & ~failed["task"].isin(left_out)
                & (failed["num_simulations"] == budget)
            ),
        )
        ranks = table.rank(axis=1).mean().sort_values(kind="stable")
        known = looks(list(ranks.index), options.style)
        critical = critical_difference(len(ranks), len(table))
        inch = options.font_size / 72
        groups = cliques(list(ranks), critical)
        lines = (len(ranks) + 1) // 2
        top = 5.2 * inch  # of the ruler and the axis
        height = top + 0.7 * inch * (len(groups) + 1) + 1.5 * inch * lines + 1.4 * inch
        figure = Figure(figsize=(options.width, height))
        axis = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axis.set(xlim=(0, options.width), ylim=(-height, 0))
        axis.axis("off")
        _diagram(axis, ranks, known, groups, critical, options, top)
        axis.text(
            options.width / 2,
            -0.3 * inch,
            f"mean rank of {metric_name(options.metric)} over {len(table)} tasks, "
            f"{number(budget)} simulations",
            ha="center",
            va="top",
            fontsize=options.font_size,
        )
        self.note(
            f"Ranks are over the {len(table)} tasks that all of these methods ran at {budget} simulations"
            + (f" (tasks and methods that are left out: {', '.join(left_out)})" if left_out else "")
            + f"; bars join methods whose mean ranks differ by less than the critical difference "
            f"{critical:.2f} of Nemenyi's test at level {LEVEL}."
        )
        return figure

    def _table(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, int, list[str]]:
        from bench.results.figures.problems import complete

        table, budget, left_out = complete(rows, self.options.metric)
        if len(table) < 2:
            raise UsageError(
                "plot: ranks need two tasks that all methods ran at one budget, there is only "
                f"{table.index[0]}"
            )
        return table, budget, left_out


def _diagram(
    axis: Axes,
    ranks: pd.Series,
    known: dict[str, Look],
    groups: list[tuple[int, int]],
    critical: float,
    options: Any,
    top: float,
) -> None:
    """Draw the axis, a bar for each group, and the names at both sides; coordinates are inches."""
    from bench.results.figures.text_size import every, fitted, text_width

    inch, width, small = options.font_size / 72, options.width, options.small
    longest = max(text_width(look.name, small) for look in known.values())
    # Ranks follow the names where the axis keeps half of the width.
    has_values = longest + 4.2 * inch < 0.25 * width
    room = 0.25 * width if has_values else 0.29 * width
    shown = {method: fitted(look.name, room, small) for method, look in known.items()}
    names = {m: f"{name}  {ranks[m]:.2f}" if has_values else name for m, name in shown.items()}
    side = max(text_width(name, small) for name in names.values()) + 1.2 * inch
    left, right = side, width - side
    step = every([str(place + 1) for place in range(len(ranks))], right - left, small)
    last = len(ranks)
    at = {method: left + (rank - 1) / (last - 1) * (right - left) for method, rank in ranks.items()}
    axis.plot([left, right], [-top, -top], color="0.2", linewidth=0.9)
    for place in range(1, last + 1):
        x = left + (place - 1) / (last - 1) * (right - left)
        axis.plot([x, x], [-top, -top + 0.35 * inch], color="0.2", linewidth=0.8)
        if (place - 1) % step == 0:
            axis.text(x, -top + 0.5 * inch, str(place), ha="center", va="bottom", fontsize=small)
    ruler = min(critical / (last - 1) * (right - left), width - left - 6 * inch)
    y = -2.6 * inch
    axis.plot([left, left + ruler], [y, y], color="0.2", linewidth=1.2, marker="|", markersize=4)
    axis.text(
        left + ruler + 0.5 * inch,
        y,
        f"CD {critical:.2f}"
        if ruler == critical / (last - 1) * (right - left)
        else f"CD {critical:.2f}, cut",
        ha="left",
        va="center",
        fontsize=small,
    )
    for line, (first, end) in enumerate(groups):
        y = -top - 0.7 * inch * (line + 1)
        ends = [at[ranks.index[first]] - 0.3 * inch, at[ranks.index[end]] + 0.3 * inch]
        axis.plot(ends, [y, y], color="0.2", linewidth=2.4, solid_capstyle="butt")
    below = top + 0.7 * inch * (len(groups) + 1)
    half = (last + 1) // 2
    for place, method in enumerate(ranks.index):
        is_left = place < half
        line = place if is_left else last - 1 - place
        y = -below - 1.5 * inch * (line + 0.4)
        look, edge = known[method], left - 0.4 * inch if is_left else right + 0.4 * inch
        axis.plot([at[method], at[method], edge], [-top, y, y], color=look.color, linewidth=0.9)
        # Equal ranks stand side by side.
        beside = sum(0 <= at[method] - at[other] < 0.3 * inch for other in ranks.index[:place])
        axis.plot(
            [at[method] + 0.5 * inch * beside],
            [-top],
            color=look.color,
            marker=look.marker,
            markersize=0.55 * options.font_size,
        )
        axis.text(
            edge + (-0.3 if is_left else 0.3) * inch,
            y,
            names[method],
            ha="right" if is_left else "left",
            va="center",
            fontsize=small,
        )
