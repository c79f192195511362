"""The one row that a task, method, budget, seed and observation name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.errors import UsageError
from bench.printable import printable
from bench.results.naming import method_labels, parameters
from bench.results.selection import SELECTED_BY, newest
from methods.contract.registry import UnknownMethodError, get
from methods.contract.spec import SpecError
from registries import nearest

__all__ = ["NAMED_BY", "one_row"]

# Columns by which a row can be named, in the order in which a message asks for them.
KEYS = ("task", "method", "num_simulations", "seed", "num_observation", "num_posterior_samples", "device")
NAMED_BY = list(dict.fromkeys(["cell", "status", *KEYS, *SELECTED_BY]))  # columns that one_row needs
SHOWN = 8  # values that a message lists


def one_row(rows: pd.DataFrame, named: Mapping[str, Any]) -> pd.Series:
    """Return the one good row that the names select, of the newest version of task and method.

    Arguments:
        rows: Rows with the columns ``NAMED_BY``.
        named: Value of each column in ``cell`` and ``KEYS``; None if the column may have any value. A method
            is a specification ``name[param=value,…]`` or a name as tables show it. A name alone is the method
            with its default parameters.

    Raises:
        UsageError: if no row or several rows are selected; the message says which values there are.
    """
    left = rows[(rows["status"] == "ok") & rows["invalid"].isna()].reset_index(drop=True)
    if named.get("cell") is None:
        left = newest(left).reset_index(drop=True)
    labels = method_labels(left)
    for column in ("cell", *KEYS):
        wanted = named.get(column)
        if wanted is None:
            continue
        there = labels.loc[left.index] if column == "method" else left[column]
        chosen = _is_method(left, there, str(wanted)) if column == "method" else there == wanted
        if not chosen.any():
            raise UsageError(f"no row with {_name(column)} = {wanted!r}; {_hint(wanted, there)}")
        left = left[chosen]
    for column in KEYS:
        there = labels.loc[left.index] if column == "method" else left[column]
        if there.nunique(dropna=False) > 1:
            raise UsageError(f"{len(left)} rows fit; {_name(column)} is one of {_values(there)}: name one")
    if len(left) != 1:
        raise UsageError(f"{len(left)} rows fit, which differ in no column that can be named")
    return left.iloc[0]


def _is_method(rows: pd.DataFrame, labels: pd.Series, wanted: str) -> pd.Series:
    """Return whether each row is of the method wanted; an unregistered one is known by its name in tables."""
    try:
        method = get(wanted)
    except (UnknownMethodError, SpecError):
        return labels == wanted
    one = pd.DataFrame({"method": [method.name], "params": [method.model_dump_json()]})
    both = pd.concat([rows[["method", "params", "changed_params"]], one], ignore_index=True)
    changed = parameters(both)
    return pd.Series(
        ((both["method"] == method.name) & (changed == changed.iloc[-1])).to_numpy()[:-1], index=rows.index
    )


def _hint(wanted: Any, there: pd.Series) -> str:
    if isinstance(wanted, str):
        return nearest(wanted, [printable(str(value)) for value in there.unique()])
    return f"there are {_values(there)}"


def _values(there: pd.Series) -> str:
    values = sorted(there.unique())
    more = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
    return ", ".join(printable(str(value)) for value in values[:SHOWN]) + more


def _name(column: str) -> str:
    return "num_samples" if column == "num_posterior_samples" else column
