"""Drawing a figure by its name."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.errors import UsageError
from bench.results.failed_rows import left_out
from bench.results.figures.figure import ResultFigure, figure_class
from bench.results.figures.options import FigureOptions

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Drawn", "draw", "drawn"]


class Drawn(NamedTuple):
    """A figure, its rows and its entry of the registry.

    Attributes:
        figure: The figure.
        rows: Rows that it shows, with labels: those of :meth:`ResultFigure.rows`, or fewer if the figure
            leaves some out.
        entry: The entry that drew it, with its notes for the caption.
    """

    figure: Figure
    rows: pd.DataFrame
    entry: ResultFigure

    def failed(self) -> list[tuple[str, str, int, int]]:
        """Method, task, budget and number of failed rows that the figure would show."""
        bad = self.entry.failed
        if bad is None:
            return []
        counts = bad.groupby(["method", "task", "num_simulations"]).size().reset_index(name="number")
        found = counts.itertuples(index=False, name=None)
        return [(str(method), str(task), int(n), int(number)) for method, task, n, number in found]


def draw(
    name: str,
    rows: pd.DataFrame,
    *,
    all_versions: bool = False,
    say: Callable[[str], None] | None = None,
    **options: Any,
) -> Figure:
    """Draw a figure by name.

    Matplotlib's ``rcParams`` are unchanged afterwards.

    Arguments:
        name: Registered name.
        rows: Rows as :meth:`bench.results.store.Store.read` returns them.
        all_versions: Whether to show older versions of tasks and methods, next to the newest.
        say: Receives one line about rows that are left out.
        options: Fields of :class:`bench.results.figures.options.FigureOptions`, such as ``metric``.

    The figure is not kept by pyplot. A notebook therefore shows it once, as the value of the cell.

    Raises:
        UnknownFigureError: for a name that is not registered.
        UsageError: if no row can be drawn, or a plug-in's figure returns something else.
    """
    return drawn(name, rows, FigureOptions(**options), all_versions=all_versions, say=say).figure


def drawn(
    name: str,
    rows: pd.DataFrame,
    options: FigureOptions,
    *,
    all_versions: bool = False,
    say: Callable[[str], None] | None = None,
) -> Drawn:
    """Draw a figure by name, and return it with what a caption needs; for errors see :func:`draw`."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    from bench.results.figures.style import STYLE

    entry = figure_class(name)()
    entry.options = options
    chosen = entry.rows(rows, all_versions=all_versions, say=say)
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        # Of panels beside a legend that is wider than they are; saving makes the picture large enough.
        warnings.filterwarnings("ignore", message="Tight layout not applied")
        # Of more entries than a small figure has room for.
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        # Someone's names may have characters that no font here has; they are drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = getattr(made := entry.draw(chosen), "figure", made)
        if not isinstance(figure, Figure):
            raise UsageError(f"figure {name!r} returned {type(figure).__name__}, not a figure of matplotlib")
        if entry.exact:
            # Ticks are made when they are first drawn, with the parameters of that time.
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
    plt.close(figure)
    made = Drawn(figure, chosen if entry.shown is None else entry.shown, entry)
    if say is not None and (failed := made.failed()):
        say(left_out(failed).replace("\\$", "$"))
    return made
