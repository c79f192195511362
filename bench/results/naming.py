"""Names of tasks and methods in tables and figures."""

from __future__ import annotations

import json
import re
from typing import Any

import pandas as pd

from bench.printable import printable
from methods.contract.spec import SpecError, written

__all__ = ["method_labels", "parameters", "version_order"]


def method_labels(rows: pd.DataFrame, without: tuple[str, ...] = ()) -> pd.Series:
    """Return a label for each row: the method's name, with all parameters that differ from their defaults.

    For a method that is not registered here (a plug-in's), the column ``changed_params`` names the
    parameters that differ. Older rows without this column show the parameters in which these rows differ.
    A label of a registered method is a specification that gives the method back.

    Arguments:
        rows: Rows with columns ``method`` and ``params``, and optionally ``changed_params``.
        without: Names of parameters that labels leave out.

    Example:
        >>> rows = pd.DataFrame({"method": ["npe", "npe"], "params": ['{"density_estimator": "maf"}', "{}"]})
        >>> list(method_labels(rows))
        ['npe[density_estimator=maf]', 'npe']
    """
    labels = []
    for name, changed in zip(rows["method"], _changed(rows), strict=True):
        shown = {key: value for key, value in changed.items() if key not in without}
        inside = ",".join(f"{key}={_text(value)}" for key, value in sorted(shown.items()))
        labels.append(printable(f"{name}[{inside}]" if inside else str(name)))
    return pd.Series(labels, index=rows.index, dtype=object)


def parameters(rows: pd.DataFrame) -> pd.Series:
    """Return a text for each row that is equal for rows of a method with the same parameters.

    A parameter that a row lacks, because it is older than the parameter, has its default value.
    """
    known = [json.dumps(changed, sort_keys=True) for changed in _changed(rows)]
    return pd.Series(known, index=rows.index, dtype=object)


def version_order(version: str) -> tuple[Any, ...]:
    """Return a key that sorts versions by their numbers, so that 10 is newer than 9; "" is the oldest.

    Example:
        >>> sorted(["10", "9", "2b", ""], key=version_order)
        ['', '2b', '9', '10']
    """
    # Text and numbers alternate, so that elements at the same place have the same type. A number is compared
    # by its digits, because Python makes no integer of thousands of them.
    parts = enumerate(re.split(r"0*([0-9]+)", version))
    return tuple((len(part), part) if i % 2 else part for i, part in parts)


def _changed(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the parameters of each row that differ from their defaults."""
    known = rows.reindex(columns=["method", "params", "changed_params"]).fillna({"params": "{}"})
    known = known.astype(object).fillna({"changed_params": ""})
    # Thousands of rows share a few parameter sets.
    keys = list(known.itertuples(index=False, name=None))
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for name in dict.fromkeys(name for name, _, _ in keys):
        sets = {key: json.loads(key[1]) for key in set(keys) if key[0] == name}
        defaults = _defaults(name)
        varying = _varying([params for (_, _, changed), params in sets.items() if not changed])
        for key, params in sets.items():
            if defaults is not None:
                names = {name for name, value in params.items() if value != defaults.get(name)}
            else:
                names = set(json.loads(key[2])) if key[2] else varying
            found[key] = {name: params.get(name) for name in names}
    return [found[key] for key in keys]


def _varying(sets: list[dict[str, Any]]) -> set[str]:
    """Return the names of the parameters in which the sets differ."""
    names = {name for params in sets for name in params}
    return {name for name in names if len({json.dumps(params.get(name)) for params in sets}) > 1}


def _defaults(name: str) -> dict[str, Any] | None:
    """Return the default of each parameter of a method; None if the method is not registered here."""
    from methods.contract.registry import UnknownMethodError, method_class

    try:
        cls = method_class(name)
    except UnknownMethodError:
        return None
    return cls.model_construct().model_dump(mode="json")


def _text(value: Any) -> str:
    """Return a value as the grammar of methods reads it; as JSON if it is no value of that grammar."""
    try:
        return written(value)
    except SpecError:
        return json.dumps(value)
