"""How methods are called in tables and figures."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

__all__ = ["method_labels"]


def method_labels(rows: pd.DataFrame) -> pd.Series:
    """A label for each row: the method's name, with those parameters in which its rows differ.

    Needs columns ``method`` and ``params``; the methods themselves need not be known any more.

    Example:
        >>> rows = pd.DataFrame({"method": ["a", "a", "b"], "params": ['{"k": 1}', '{"k": 2}', '{"k": 1}']})
        >>> list(method_labels(rows))
        ['a[k=1]', 'a[k=2]', 'b']
    """
    labels: dict[Any, str] = {}
    for name, group in rows.groupby("method"):
        params = group["params"].map(json.loads)
        varying = sorted({key for p in params for key in p if len({_text(q.get(key)) for q in params}) > 1})
        for index, p in params.items():
            inside = ",".join(f"{key}={_text(p.get(key))}" for key in varying)
            labels[index] = f"{name}[{inside}]" if inside else str(name)
    return pd.Series(labels, dtype=object).reindex(rows.index)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
