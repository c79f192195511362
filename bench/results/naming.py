"""Names of tasks and methods in tables and figures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
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

    def label(name: Any, changed: dict[str, Any]) -> str:
        shown = {key: value for key, value in changed.items() if key not in without}
        inside = ",".join(f"{key}={_text(value)}" for key, value in sorted(shown.items()))
        return printable(f"{name}[{inside}]" if inside else str(name))

    return _each(rows, label)


def parameters(rows: pd.DataFrame) -> pd.Series:
    """Return a text for each row that is equal for rows of a method with the same parameters.

    A parameter that a row lacks, because it is older than the parameter, has its default value.
    """
    return _each(rows, lambda name, changed: json.dumps(changed, sort_keys=True))


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


def _each(rows: pd.DataFrame, text: Callable[[Any, dict[str, Any]], str]) -> pd.Series:
    """Return a text for each row, made of its method and the parameters that differ from their defaults.

    A million rows share a few parameter sets, so the text is made once for each set.
    """
    columns = ["method", "params", "changed_params"]
    known = rows.reindex(columns=columns)
    codes = known.groupby(columns, dropna=False, sort=False).ngroup()
    sets = known.loc[~codes.duplicated()].astype(object)
    sets = sets.fillna({"method": "?", "params": "{}", "changed_params": ""})
    keys = list(sets.itertuples(index=False, name=None))
    texts = [text(key[0], changed) for key, changed in zip(keys, _changed(keys), strict=True)]
    return pd.Series(np.array(texts, dtype=object)[codes.to_numpy()], index=rows.index, dtype=object)


def _changed(keys: Sequence[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """Return the parameters that differ from their defaults, for each method, parameters and changed ones."""
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
