"""The grammar ``name[param=value,…]`` that selects methods, and its error messages of one line."""

from __future__ import annotations

import copy
import itertools
import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import yaml
from pydantic import ValidationError

from registries import PlainYAMLError, nearest, read_plain_yaml

__all__ = ["SpecError", "count", "explain", "parse", "written"]

LONGEST = 100_000  # characters of a specification
MOST = 1_000_000  # methods that one specification may name
SHOWN = 200  # characters of a value in a message

# Quoted text, which is not searched for names, or the name of a parameter with its "=". A name stands at the
# beginning of an entry; an apostrophe or "=" inside a word means itself.
_QUOTED = r"""(?<=[\[{,=:])\s*(?:'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\")"""
_NAME = r"(?<=[\[{,])(\s*\w+)\s*=(?!=)"
_ENTRY = re.compile(f"{_NAME}|{_QUOTED}", flags=re.DOTALL)


class SpecError(ValueError):
    """Raised if a specification does not parse, or a parameter is unknown or out of range."""


def parse(spec: str) -> tuple[str, list[dict[str, Any]]]:
    """Split a specification into a name and one parameter set for each combination of its lists.

    The text in brackets is read as a YAML flow mapping with ``=`` in place of ``:``. Values may therefore be
    numbers, booleans, plain or quoted words, and ``null`` for None. A value that is itself a list is written
    as the only entry of a list.

    Raises:
        SpecError: If the text does not parse, a parameter has no value or two values, or more than ``MOST``
            methods are named.

    Example:
        >>> parse("npe[density_estimator=[maf, nsf], learning_rate=1e-3]")[1][1]
        {'density_estimator': 'nsf', 'learning_rate': '1e-3'}
        >>> parse("inflationary[keep=[null, 2]]")[1]
        [{'keep': None}, {'keep': 2}]
        >>> parse("student[widths=[[32, 64]]]")[1]
        [{'widths': [32, 64]}]
    """
    number = count(spec)
    if number > MOST:
        raise SpecError(f"method {_shown(spec)} names {number} methods; at most {MOST} can be")
    name, axes = _axes(spec)
    axes = copy.deepcopy(axes)  # a caller may change a list among the values
    return name, [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def count(spec: str) -> int:
    """Return the number of methods that a specification names, without making them.

    Raises:
        SpecError: If the text does not parse.

    Example:
        >>> count("m[a=[1, 2, 3], b=[x, y]]")
        6
    """
    return math.prod(len(values) for values in _axes(spec)[1].values())


@lru_cache(maxsize=16_384)  # a grid of many cells has few specifications, and YAML is slow
def _axes(spec: str) -> tuple[str, dict[str, list[Any]]]:
    """Return the name and the values of each parameter, which are shared between calls."""
    name, inside = _split(spec)
    try:
        params = read_plain_yaml(_as_yaml(inside), keys_are_words=True, empty_values=False)
    except PlainYAMLError as error:
        reason = error.reason if error.is_yaml else "parameters must read [param=value,...]"
        raise SpecError(f"method {_shown(spec)}: {reason}") from None
    if not isinstance(params, dict):
        raise SpecError(f"method {_shown(spec)}: parameters must read [param=value,...]")
    axes = {key: value if isinstance(value, list) else [value] for key, value in params.items()}
    if not all(axes.values()):
        raise SpecError(f"method {_shown(spec)}: an empty list selects no method")
    return name, axes


def _split(spec: str) -> tuple[str, str]:
    """Return the name and the text in brackets."""
    if len(spec) > LONGEST:
        raise SpecError(f"method {_shown(spec)}: longer than {LONGEST} characters")
    match = re.fullmatch(r"\s*([\w-]+)\s*(?:\[(.*)\])?\s*", spec, flags=re.DOTALL)
    if match is None:
        raise SpecError(f"method {_shown(spec)}: write name or name[param=value,...]")
    return match[1], match[2] or ""


def _as_yaml(inside: str) -> str:
    return _ENTRY.sub(lambda found: f"{found[1]}: " if found[1] else found[0], "{" + inside + "}")


def written(value: Any) -> str:
    """Return a parameter's value as text that :func:`parse` reads back as the same value.

    None becomes ``null``. A word is quoted if YAML would read it as something else, and characters that
    cannot be printed are escaped. A list stands in a list, because a list alone would be several values.

    Raises:
        SpecError: If the value is not made of None, booleans, numbers, text, lists and mappings.

    Example:
        >>> [written(value) for value in (None, True, 0.5, "maf", "null", [3, 4])]
        ['null', 'true', '0.5', 'maf', "'null'", '[[3, 4]]']
    """
    if value is None or isinstance(value, bool | int | float):
        return _flow(value, careful=False)
    outer = isinstance(value, list | tuple)
    for careful in (False, True):
        text = _flow([value] if outer else value, careful)
        if _reads_as(text, value):
            return text
    raise SpecError(f"{_shown(value)} cannot be written as a parameter")


def _flow(value: Any, careful: bool) -> str:
    """Return a value in YAML's flow style; a careful text has quotes around every word."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str):
        return _word(value, careful)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_flow(part, careful) for part in value)}]"
    if isinstance(value, dict):
        parts = [f"{_word(str(key), True)}: {_flow(part, careful)}" for key, part in value.items()]
        return f"{{{', '.join(parts)}}}"
    return str(value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    mantissa, e, exponent = repr(value).partition("e")
    # YAML 1.1 takes an exponent without a decimal point for a word.
    return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else mantissa + e + exponent


def _word(text: str, careful: bool) -> str:
    if not careful and text.isprintable():
        dumped = yaml.safe_dump([text], default_flow_style=True, width=float("inf"), allow_unicode=True)
        return dumped.strip()[1:-1]
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    number = ord(character)
    return (
        f"\\x{number:02x}"
        if number < 0x100
        else f"\\u{number:04x}"
        if number < 0x10000
        else f"\\U{number:08x}"
    )


def _reads_as(text: str, value: Any) -> bool:
    """Return whether :func:`parse` reads a text as one value, which is this one."""
    try:
        [params] = parse(f"m[x={text}]")[1]
    except (SpecError, ValueError):
        return False
    return list(params) == ["x"] and _same(params["x"], value)


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are equal and of the same types; a tuple is a list, and NaN is NaN."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(part, other[key]) for key, part in one.items())
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and bool(one == other)


def _shown(value: Any) -> str:
    """Return the representation of a value, shortened for a message of one line."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def explain(error: ValidationError, what: str, known: Iterable[str]) -> str:
    """Return one line for the first error of a pydantic validation: the key, the value and what is allowed.

    Arguments:
        error: The error that pydantic raised.
        what: Name of what was validated, such as ``method npe``. It begins the message.
        known: Names of the allowed keys, from which the nearest is suggested.
    """
    first = error.errors()[0]
    message = " ".join(first["msg"].removeprefix("Value error, ").split())
    message = message[:1].lower() + message[1:]
    if not first["loc"]:
        return f"{what}: {message}"
    key = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return f"{what}: unknown {_kind(what)} {_shown(key)}; {nearest(key, known)}"
    return f"{what}: {key} = {_shown(first['input'])}: {message}"


def _kind(what: str) -> str:
    return "parameter" if what.startswith("method") else "key"
