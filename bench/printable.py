"""Text of others (names, errors, paths) in a form that can be printed in one line."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    r"""Return a text with every character escaped that a terminal may obey instead of showing it.

    These are control characters, line breaks, marks that change the direction of text, and halves of
    surrogate pairs; ``str.isprintable`` tells them.

    Example:
        >>> printable("a\x1b[31m\nb é")
        'a\\x1b[31m\\nb é'
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
