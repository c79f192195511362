"""Which columns of a wide table a terminal has room for."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich.cells import cell_len

__all__ = ["without_room"]

GAP = 3  # characters between two columns


def without_room(shown: pd.DataFrame, width: int, first: Sequence[str]) -> list[str]:
    """Return the columns that do not fit a width, in their order.

    Arguments:
        shown: Table of texts.
        width: Width of the terminal in characters.
        first: Columns that are kept before the others, the most important first. The others follow from
            left to right; the first without room ends the table.

    Example:
        >>> table = pd.DataFrame({"task": ["sir"], "c2st": ["0.5"], "mmd2": ["0.1"], "rows": ["10"]})
        >>> without_room(table, 18, ["task", "rows"])
        ['mmd2']
    """
    columns = list(map(str, shown))
    wide = {name: max(map(cell_len, [name, *shown[name]])) for name in columns}
    order = [name for name in first if name in wide]
    used, kept = -GAP, set()
    for name in [*order, *(name for name in columns if name not in order)]:
        used += GAP + wide[name]
        if used > width:
            break
        kept.add(name)
    return [name for name in columns if name not in kept]
