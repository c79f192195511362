"""Published results as hollow points next to the suite's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from bench.errors import UsageError
from bench.printable import printable
from bench.results.figures.figure import label
from bench.results.figures.looks import LOOKS, Look, looks
from bench.results.figures.options import FigureOptions
from bench.results.tables import published_values

if TYPE_CHECKING:
    from matplotlib.lines import Line2D

__all__ = ["hollow", "published_looks", "published_means", "published_rows"]

OURS = {"rej-abc": "rejection_abc"}  # names of publications that differ by more than capitals
MOST = 8  # methods; more hollow points would hide the others


def published_rows(source: str, metric: str, methods: Sequence[str] = ()) -> pd.DataFrame:
    """Return the published results of a source, by the classifier of a metric.

    Arguments:
        source: Part of the name of a source, in any capitals, such as ``sbibm``; ``all`` for all sources.
        metric: ``c2st`` (a network) or ``c2st_rf`` (a random forest).
        methods: Methods of the suite and published ones that are shown; without any, all are.

    Returns:
        Columns ``task``, ``method``, ``num_simulations``, ``c2st_mean``, ``source`` and ``label``, which is
        method and source.

    Raises:
        UsageError: for another metric, or if no source has such results.
    """
    chosen = published_values.published_rows(metric, source)
    if chosen.empty:
        raise UsageError(f"published: {printable(source)} has no results of {metric}")
    if methods:
        shown = {name.partition("[")[0].lower() for name in methods}
        own = chosen["method"].str.lower()
        chosen = chosen[own.isin(shown) | own.replace(OURS).isin(shown)]
    short = chosen["source"].map(lambda name: name.partition(" (")[0].partition(",")[0])
    return chosen.assign(label=chosen["method"] + ", " + short)


def published_looks(
    published: pd.DataFrame | None, rows: pd.DataFrame, budgets: Sequence[int]
) -> dict[str, Look]:
    """Return the look of each published method that has results for the tasks and budgets of rows, by label.

    A method of the suite has the suite's colour and marker.

    Raises:
        UsageError: if there are more methods than a figure has room for.
    """
    if published is None:
        return {}
    here = published[published["task"].isin(rows["task"]) & published["num_simulations"].isin(budgets)]
    names = sorted(here["label"].unique())
    if len(names) > MOST:
        first = ", ".join(sorted(here["method"].unique())[: MOST + 1])
        raise UsageError(
            f"published: {len(names)} methods, a figure has room for {MOST}: choose with --method "
            f"({first}, …)"
        )
    methods = here.drop_duplicates("label").set_index("label")["method"].str.lower().replace(OURS)
    own = {name: str(methods[name]) for name in names}
    others = looks([name for name in names if own[name] not in LOOKS])
    found = {}
    for name in names:
        look = LOOKS.get(own[name]) or others[name]
        found[name] = Look(label(name), look.color, look.marker, look.line)
    return found


def published_means(published: pd.DataFrame | None, label: str) -> list[tuple[str, int, float]]:
    """Return task, budget and mean of each published result with a label."""
    if published is None:
        return []
    here = published[published["label"] == label]
    return list(zip(here["task"], here["num_simulations"], here["c2st_mean"], strict=True))


def hollow(look: Look, options: FigureOptions) -> Line2D:
    """Return a hollow point of a look, which is also its entry in a legend."""
    from matplotlib.lines import Line2D

    return Line2D(
        [],
        [],
        label=look.name,
        color=look.color,
        marker=look.marker,
        linestyle="none",
        markerfacecolor="none",
        markersize=0.5 * options.font_size,
        markeredgewidth=0.7,
    )
