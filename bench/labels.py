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
        # Thousands of rows share a few parameter sets.
        parsed = {text: json.loads(text) for text in group["params"].unique()}
        keys = sorted({key for params in parsed.values() for key in params})
        varying = [key for key in keys if len({_text(params.get(key)) for params in parsed.values()}) > 1]
        for index, text in group["params"].items():
            inside = ",".join(f"{key}={_text(parsed[text].get(key))}" for key in varying)
            labels[index] = f"{name}[{inside}]" if inside else str(name)
    return pd.Series(labels, dtype=object).reindex(rows.index)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
