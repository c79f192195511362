"""Every figure of the registry that the rows suffice for, as SVG, and the reasons why others are missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.errors import UsageError
from bench.report.inline_svg import LARGEST, inline_svg
from bench.results.figures import draw, figures

__all__ = ["OF_A_TASK", "TOTAL", "DrawnFigure", "drawn_figures"]

TOTAL = 1_200_000  # characters of all figures of a page together
OF_A_TASK = ("posterior", "predictive")  # figures that show one task, and so stand in the part of each task
LEAST = 60_000  # characters that a figure may have at any rate; a picture is mostly smaller


@dataclass(frozen=True)
class DrawnFigure:
    """A figure of the page.

    Attributes:
        name: Registered name.
        summary: What the figure shows, in one sentence.
        svg: The ``svg`` element; empty if the figure could not be drawn.
        reason: Why it could not be drawn, in one line.
    """

    name: str
    summary: str
    svg: str = ""
    reason: str = ""


def drawn_figures(
    rows: pd.DataFrame,
    names: Iterable[str] | None = None,
    *,
    prefix: str = "",
    total: int = TOTAL,
    say: Callable[[str], Any] | None = None,
    **options: Any,
) -> list[DrawnFigure]:
    """Draw figures of the registry. One that raises, such as a plug-in's, is a figure with a reason.

    Arguments:
        rows: Rows as :meth:`bench.results.store.Store.read` returns them.
        names: Names of the figures; all registered ones if None.
        prefix: Beginning of the ids in the SVG, for figures that are drawn of several selections of rows.
        total: Number of characters of all together, from which figures become smaller pictures.
        say: Receives a line about rows that are left out.
        options: Passed on to :func:`bench.results.figures.draw`.
    """
    import matplotlib.pyplot as plt

    known = figures()
    found, left = [], total
    others = set(plt.get_fignums())
    for name in known if names is None else names:
        summary = known[name].summary()
        try:
            drawn = draw(name, rows, say=say, **options)
            # Figures of a fixed size say so; their legends do not count for cutting.
            exact = bool(getattr(known[name], "exact", False))
            largest = max(LEAST, min(LARGEST, left))
            svg = inline_svg(drawn, f"{prefix}{name}", summary, largest=largest, exact=exact)
            left -= len(svg)
            found.append(DrawnFigure(name, summary, svg=svg))
        except UsageError as error:
            found.append(DrawnFigure(name, summary, reason=str(error).removeprefix("plot: ")))
        except Exception as error:  # of a plug-in: the other figures are drawn all the same
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            found.append(DrawnFigure(name, summary, reason=reason))
        finally:
            for number in set(plt.get_fignums()) - others:
                plt.close(number)
    return found
