"""Every figure of the registry that the rows suffice for, as SVG, and the reasons why others are missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.errors import UsageError
from bench.report.inline_svg import LARGEST, inline_svg
from bench.results.figures import FigureOptions, drawn, figures
from bench.results.figures.caption import caption

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
        about: Lines of the caption that follow: rows, notes and versions.
        svg: The ``svg`` element; empty if the figure could not be drawn.
        reason: Why it could not be drawn, in one line.
    """

    name: str
    summary: str
    svg: str = ""
    reason: str = ""
    about: Sequence[str] = ()


def drawn_figures(
    rows: pd.DataFrame,
    names: Iterable[str] | None = None,
    *,
    prefix: str = "",
    total: int = TOTAL,
    all_versions: bool = False,
    say: Callable[[str], Any] | None = None,
    **options: Any,
) -> list[DrawnFigure]:
    """Draw figures of the registry. One that raises, such as a plug-in's, is a figure with a reason.

    Arguments:
        rows: Rows as :meth:`bench.results.store.Store.read` returns them.
        names: Names of the figures; all registered ones if None.
        prefix: Beginning of the ids in the SVG, for figures that are drawn of several selections of rows.
        total: Number of characters of all together, from which figures become smaller pictures.
        all_versions: Whether to show older versions, next to the newest.
        say: Receives a line about rows that are left out.
        options: Fields of :class:`bench.results.figures.options.FigureOptions`.
    """
    import matplotlib.pyplot as plt

    known = figures()
    found, left = [], total
    others = set(plt.get_fignums())
    for name in known if names is None else names:
        summary = known[name].summary()
        try:
            made = drawn(name, rows, FigureOptions(**options), all_versions=all_versions, say=say)
            first, *about = caption(made).splitlines()
            # Figures of a fixed size say so; their legends do not count for cutting.
            exact = bool(getattr(known[name], "exact", False))
            largest = max(LEAST, min(LARGEST, left))
            svg = inline_svg(made.figure, f"{prefix}{name}", summary, largest=largest, exact=exact)
            left -= len(svg)
            found.append(DrawnFigure(name, first, svg=svg, about=about))
        except UsageError as error:
            found.append(DrawnFigure(name, summary, reason=str(error).removeprefix("plot: ")))
        except Exception as error:  # of a plug-in: the other figures are drawn all the same
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            found.append(DrawnFigure(name, summary, reason=reason))
        finally:
            for number in set(plt.get_fignums()) - others:
                plt.close(number)
    return found
