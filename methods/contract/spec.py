"""The grammar ``name[param=value,…]`` that selects methods, and its error messages of one line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import Any

import yaml
from pydantic import ValidationError

from registries import nearest

__all__ = ["SpecError", "explain", "parse", "written"]


class SpecError(ValueError):
    """Raised if a specification does not parse, or a parameter is unknown or out of range."""


def parse(spec: str) -> tuple[str, list[dict[str, Any]]]:
    """Split a specification into a name and one parameter set for each combination of its lists.

    The text in brackets is read as a YAML flow mapping with ``=`` in place of ``:``. Values may therefore be
    numbers, booleans, plain or quoted words, and ``null`` for None.

    Raises:
        SpecError: If the text does not parse, or a parameter has no value.

    Example:
        >>> parse("npe[density_estimator=[maf, nsf], learning_rate=1e-3]")[1][1]
        {'density_estimator': 'nsf', 'learning_rate': '1e-3'}
        >>> parse("inflationary[keep=[null, 2]]")[1]
        [{'keep': None}, {'keep': 2}]
    """
    match = re.fullmatch(r"\s*([\w-]+)\s*(?:\[(.*)\])?\s*", spec, flags=re.DOTALL)
    if match is None:
        raise SpecError(f"method {spec!r}: write name or name[param=value,...]")
    name, inside = match.groups()
    text = "{" + re.sub(r"(\w+)\s*=\s*", r"\1: ", inside or "") + "}"
    try:
        params = yaml.safe_load(text)
    except yaml.YAMLError:
        params = None
    if not isinstance(params, dict) or _lacks_a_value(text):
        raise SpecError(f"method {spec!r}: parameters must read [param=value,...]")
    axes = [value if isinstance(value, list) else [value] for value in params.values()]
    if not all(axes):
        raise SpecError(f"method {spec!r}: an empty list selects no method")
    return name, [dict(zip(params, values, strict=True)) for values in itertools.product(*axes)]


def _lacks_a_value(text: str) -> bool:
    """Return whether a value of a YAML mapping is empty. YAML reads it as None, like an explicit null."""
    mapping = yaml.compose(text, Loader=yaml.SafeLoader)
    return any(value.value == "" and value.style is None for _, value in mapping.value)


def written(value: Any) -> str:
    """Return a parameter's value as text that :func:`parse` reads back.

    None becomes ``null``, and a word is quoted if YAML would read it as something else.

    Example:
        >>> [written(value) for value in (None, True, 0.5, "maf", "null")]
        ['null', 'true', '0.5', 'maf', "'null'"]
    """
    if isinstance(value, bool):
        return str(value).lower()
    if value is not None and not isinstance(value, str):
        return str(value)
    return yaml.safe_dump([value], default_flow_style=True, width=float("inf")).strip()[1:-1]


def explain(error: ValidationError, what: str, known: Iterable[str]) -> str:
    """Return one line for the first error of a pydantic validation: the key, the value and what is allowed.

    Arguments:
        error: The error that pydantic raised.
        what: Name of what was validated, such as ``method npe``. It begins the message.
        known: Names of the allowed keys, from which the nearest is suggested.
    """
    first = error.errors()[0]
    message = first["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if not first["loc"]:
        return f"{what}: {message}"
    key = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return f"{what}: unknown {_kind(what)} {key!r}; {nearest(key, known)}"
    return f"{what}: {key} = {first['input']!r}: {message}"


def _kind(what: str) -> str:
    return "parameter" if what.startswith("method") else "key"
