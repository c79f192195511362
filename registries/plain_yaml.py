"""YAML as people write it: what means something else than it says is refused in one line.

PyYAML reads YAML 1.1, in which ``010`` is 8, ``10:00`` is 600, the second of two equal keys wins, and aliases
can expand a short text without limit.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

__all__ = ["PlainYAMLError", "read_plain_yaml"]

MOST_NODES = 200_000  # values in a text after its aliases are expanded
DEEPEST = 20  # nested lists and mappings
LARGEST = 2**63 - 1  # largest integer that a column of a row holds

_INT, _FLOAT, _TEXT = (f"tag:yaml.org,2002:{name}" for name in ("int", "float", "str"))
_AS_TEXT = {f"tag:yaml.org,2002:{name}" for name in ("timestamp", "value")}


class PlainYAMLError(ValueError):
    """The text is not YAML, or holds something that is not read.

    Attributes:
        reason: What is wrong, without the place.
        line: Number of the line, from 1; None if unknown.
        is_yaml: Whether the text is YAML nevertheless.
    """

    def __init__(self, reason: str, line: int | None = None, is_yaml: bool = True) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.reason, self.line, self.is_yaml = reason, line, is_yaml


def read_plain_yaml(text: str, *, keys_are_words: bool = False, empty_values: bool = True) -> Any:
    """Return the value of a YAML text of plain values: null, booleans, numbers, text, lists and mappings.

    Dates are text. An error is raised for tags, keys that are given twice, integers in base 8 or 60, numbers
    beyond 64 bits, a nesting deeper than ``DEEPEST``, and aliases that contain themselves or expand to many
    values.

    Arguments:
        text: One YAML document.
        keys_are_words: Whether a key is its text, so that the key ``yes`` is not True.
        empty_values: Whether a key may have no value, which is then None.

    Raises:
        PlainYAMLError: for a text that is not YAML or is refused.

    Example:
        >>> read_plain_yaml("{a: 1_000, b: [x, 2026-11-26]}")
        {'a': 1000, 'b': ['x', '2026-11-26']}
        >>> read_plain_yaml("a: 010")
        Traceback (most recent call last):
        registries.plain_yaml.PlainYAMLError: line 1: 010 is 8 in YAML; quote it, or drop the leading zero
    """
    reader = None
    try:
        reader = _Reader(text, keys_are_words, empty_values)
        return reader.get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise PlainYAMLError("not YAML", mark.line + 1 if mark else None, is_yaml=False) from None
    except (ValueError, OverflowError) as error:
        if isinstance(error, PlainYAMLError):
            raise
        raise PlainYAMLError("a number that is not readable", is_yaml=False) from None
    finally:
        if reader is not None:
            reader.dispose()


class _Reader(yaml.SafeLoader):
    """A loader that checks every node when it is composed, before any value is made of it."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (so named and used by PyYAML)
        first: [(tag, pattern) for tag, pattern in known if tag not in _AS_TEXT]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str, keys_are_words: bool, empty_values: bool) -> None:
        super().__init__(text)
        self._keys_are_words, self._empty_values = keys_are_words, empty_values
        self._depth = 0
        # Number of values in a node with aliases expanded, and its height, by the node's identity.
        self._sizes: dict[int, tuple[int, int]] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        line = event.start_mark.line + 1
        if getattr(event, "tag", None) is not None:
            raise PlainYAMLError(f"not YAML of plain values: tag {event.tag}", line)
        self._depth += 1
        if self._depth > DEEPEST + 1:
            raise PlainYAMLError(f"lists and mappings are nested more than {DEEPEST} deep", line)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is not None and not isinstance(event, yaml.AliasEvent):
            self._check(node, line)
        return node

    def _check(self, node: yaml.Node, line: int) -> None:
        """Check a node whose parts are complete."""
        if isinstance(node, yaml.ScalarNode):
            _check_number(node, line)
            parts = []
        elif isinstance(node, yaml.MappingNode):
            self._check_keys(node)
            parts = [part for pair in node.value for part in pair]
        else:
            parts = node.value
        try:
            sizes = [self._sizes[id(part)] for part in parts]
        except KeyError:
            raise PlainYAMLError("an alias stands inside of what it names", line) from None
        size, height = 1 + sum(one for one, _ in sizes), 1 + max((height for _, height in sizes), default=0)
        if size > MOST_NODES:
            raise PlainYAMLError(f"more than {MOST_NODES} values, aliases expanded", line)
        if height > DEEPEST + 1:
            raise PlainYAMLError(f"lists and mappings are nested more than {DEEPEST} deep", line)
        self._sizes[id(node)] = (size, height)

    def _check_keys(self, node: yaml.MappingNode) -> None:
        seen = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise PlainYAMLError("a key is a list or a mapping", line)
            if self._keys_are_words:
                key.tag = _TEXT
            if (key.tag, key.value) in seen:
                raise PlainYAMLError(f"{key.value!r} is given twice", line)
            seen.add((key.tag, key.value))
            if not self._empty_values and isinstance(value, yaml.ScalarNode) and _is_empty(value):
                raise PlainYAMLError(f"{key.value!r} has no value", line)


def _is_empty(value: yaml.ScalarNode) -> bool:
    return bool(value.value == "" and value.style is None)


def _check_number(node: yaml.ScalarNode, line: int) -> None:
    text = node.value.replace("_", "")
    if node.tag not in (_INT, _FLOAT):
        return
    if ":" in text:
        raise PlainYAMLError(
            f"{node.value} is a number in base 60 in YAML; quote it, or write a plain number", line
        )
    if node.tag == _INT:
        if re.fullmatch(r"[-+]?0[0-7]+", text):
            number = int(text, 8)
            raise PlainYAMLError(
                f"{node.value} is {number} in YAML; quote it, or drop the leading zero", line
            )
        # 20 characters hold every integer of 64 bits in base 10, and 66 in base 2.
        if len(text) > 66 or abs(int(text, 0)) > LARGEST:
            raise PlainYAMLError(f"{_shortened(node.value)} is beyond 64 bits", line)
    elif text.lower().lstrip("+-") not in (".inf", ".nan") and math.isinf(float(text)):
        raise PlainYAMLError(f"{_shortened(node.value)} is beyond the largest number", line)


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:20]}… ({len(text)} characters)"
