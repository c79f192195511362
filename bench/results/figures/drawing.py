"""Drawing a figure by its name."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from bench.errors import UsageError
from bench.results.figures.figure import figure_class

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["draw"]


def draw(name: str, rows: pd.DataFrame, **options: Any) -> Figure:
    """Draw a figure by name; rows and options are those of :meth:`ResultFigure.rows`.

    The figure is not kept by pyplot. A notebook therefore shows it once, as the value of the cell.

    Raises:
        UnknownFigureError: for a name that is not registered.
        UsageError: if no row can be drawn, or a plug-in's figure returns something else.
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    from bench.results.figures.style import STYLE

    figure = figure_class(name)()
    chosen = figure.rows(rows, **options)
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        # Of panels beside a legend that is wider than they are; saving makes the picture large enough.
        warnings.filterwarnings("ignore", message="Tight layout not applied")
        # Someone's names may have characters that no font here has; they are drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        drawn = getattr(made := figure.draw(chosen), "figure", made)
    if not isinstance(drawn, Figure):
        raise UsageError(f"figure {name!r} returned {type(drawn).__name__}, not a figure of matplotlib")
    plt.close(drawn)
    return drawn
