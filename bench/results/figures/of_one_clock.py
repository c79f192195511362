"""The rows that a figure with a time axis shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.results.ends_of_scale import PRIOR
from bench.results.selection import times_of_one_kind

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["of_one_clock"]


def of_one_clock(rows: pd.DataFrame, groups: list[str]) -> tuple[pd.DataFrame, tuple[str, str], str]:
    """Return the rows whose times can be compared, their ``(device, timing)``, and a sentence on the others.

    Times on different devices, or taken next to other work and alone, are never mixed: the kind that most
    points have is kept. Rows of ``prior`` are left out if there are others: it infers nothing, so its time
    is that of no posterior, and would only stretch the axis.

    Arguments:
        rows: Rows with a time, and the columns of ``groups``.
        groups: Columns that identify a point of the figure.

    Returns:
        rows, the kind of their times, and a sentence for the caption (empty if no row is of another kind).
    """
    proper = rows[rows["method"] != PRIOR]
    proper = rows if proper.empty else proper
    kept, kind = times_of_one_kind(proper, groups)
    more = len(proper[groups].drop_duplicates()) - len(kept[groups].drop_duplicates())
    if not more:
        return kept, kind, ""
    return kept, kind, f" Points whose times are of another kind are left out ({more})."
