"""How tasks and methods are called in tables and figures."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from typing import Any

import pandas as pd

__all__ = ["method_labels", "parameters", "version_order"]


def method_labels(rows: pd.DataFrame, without: tuple[str, ...] = ()) -> pd.Series:
    """A label for each row: the method's name, with every parameter that differs from its default.

    Arguments:
        rows: Needs columns ``method`` and ``params``; ``changed_params`` names the parameters of methods
            that are not registered here (a plug-in's). Rows of such methods from before that column show
            the parameters in which they differ.
        without: Parameters that labels leave out.

    Example:
        >>> rows = pd.DataFrame({"method": ["npe", "npe"], "params": ['{"density_estimator": "maf"}', "{}"]})
        >>> list(method_labels(rows))
        ['npe[density_estimator=maf]', 'npe']
    """
    labels: dict[Hashable, str] = {}
    changed = _changed(rows)
    for index, name in rows["method"].items():
        shown = {key: value for key, value in changed[index].items() if key not in without}
        inside = ",".join(f"{key}={_text(value)}" for key, value in sorted(shown.items()))
        labels[index] = f"{name}[{inside}]" if inside else str(name)
    return pd.Series(labels, dtype=object).reindex(rows.index)


def parameters(rows: pd.DataFrame) -> pd.Series:
    """What rows of one method have to agree in to be of the same parameters, as text.

    A parameter that a row does not name, because it was written before there was one, has its default.
    """
    changed = _changed(rows)
    return pd.Series(
        {index: json.dumps(values, sort_keys=True) for index, values in changed.items()}, dtype=object
    ).reindex(rows.index)


def version_order(version: str) -> tuple[Any, ...]:
    """A key that sorts versions by their numbers, so that 10 is newer than 9; an empty one is the oldest.

    Example:
        >>> sorted(["10", "9", "2b", ""], key=version_order)
        ['', '2b', '9', '10']
    """
    # Text and numbers take turns, so that equal places hold equal kinds.
    return tuple(int(part) if i % 2 else part for i, part in enumerate(re.split(r"(\d+)", version)))


def _changed(rows: pd.DataFrame) -> dict[Hashable, dict[str, Any]]:
    """Parameters that differ from their defaults, for each row's index."""
    found: dict[Hashable, dict[str, Any]] = {}
    noted = rows["changed_params"] if "changed_params" in rows else pd.Series(None, rows.index, dtype=object)
    for name, group in rows.groupby("method"):
        defaults = _defaults(str(name))
        # Thousands of rows share a few parameter sets.
        pairs = list(zip(group["params"].fillna("{}"), noted[group.index].fillna(""), strict=True))
        parsed = {params: json.loads(params) for params, _ in pairs}
        old = [parsed[params] for params, changed in pairs if not changed]
        keys = {key for params in old for key in params}
        varying = {key for key in keys if len({_text(params.get(key)) for params in old}) > 1}
        by_pair = {}
        for pair in set(pairs):
            params, changed = pair
            if defaults is not None:
                names = {key for key, value in parsed[params].items() if value != defaults.get(key)}
            elif changed:
                names = set(json.loads(changed))
            else:
                names = varying
            by_pair[pair] = {key: parsed[params].get(key) for key in names}
        found |= {index: by_pair[pair] for index, pair in zip(group.index, pairs, strict=True)}
    return found


def _defaults(name: str) -> dict[str, Any] | None:
    """Default of each parameter of a registered method; None for a method that is not known here."""
    from methods.registry import UnknownMethodError, method_class

    try:
        cls = method_class(name)
    except UnknownMethodError:
        return None
    return cls.model_construct().model_dump(mode="json")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
