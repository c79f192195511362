"""Pairs of a cell and the number of an observation, which name one row of a directory of results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Pairs", "pairs_of", "within"]

Pairs = Mapping[str, Collection[int]]  # numbers of observations by the key of their cell


def pairs_of(table: pa.Table) -> dict[str, set[int]]:
    """Return the pairs of all rows of a table with the columns ``cell`` and ``num_observation``."""
    found: dict[str, set[int]] = defaultdict(set)
    for cell, number in zip(*_columns(table), strict=True):
        found[cell].add(number)
    return dict(found)


def within(table: pa.Table, pairs: Pairs) -> np.ndarray:
    """Return a boolean for each row, ``(N,)``: whether its cell and observation are one of the pairs.

    Arguments:
        table: Rows with the columns ``cell`` and ``num_observation``.
        pairs: Pairs, which may be many more than the rows.

    Example:
        >>> table = pa.table({"cell": ["a", "a", "b"], "num_observation": [1, 2, 1]})
        >>> within(table, {"a": {2}, "c": {1}}).tolist()
        [False, True, False]
    """
    found = np.zeros(len(table), dtype=bool)
    if not pairs or not len(table):
        return found
    cells = pa.array([cell for cell in pc.unique(table["cell"]).to_pylist() if cell in pairs], pa.string())
    candidates = np.flatnonzero(pc.is_in(table["cell"], value_set=cells).to_numpy())
    if len(candidates):
        some = zip(*_columns(table.take(candidates)), strict=True)
        found[candidates] = [number in pairs[cell] for cell, number in some]
    return found


def _columns(table: pa.Table) -> tuple[list[str], list[int]]:
    return table["cell"].to_pylist(), table["num_observation"].to_pylist()
