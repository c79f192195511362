"""Sizes of texts in inches, and texts shortened to a width."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache

__all__ = ["every", "fitted", "text_width"]


@lru_cache(maxsize=4096)
def text_width(text: str, size: float) -> float:
    """Return the width in inches of a text of one line, in the font of figures, at a size in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        # A dollar sign is escaped in labels, and drawn without the backslash.
        width, _, _ = text_to_path.get_text_width_height_descent(
            text.replace(r"\$", "$"), FontProperties(size=size), False
        )
    return float(width) / 72


def fitted(text: str, inches: float, size: float) -> str:
    """Return a text that is at most so wide, shortened in its middle where needed.

    Example:
        >>> fitted("student_t_mixture_15_5", 10.0, 8.0), fitted("student_t_mixture_15_5", 0.6, 8.0)
        ('student_t_mixture_15_5', 'stude…_5')
    """
    plain = text.replace(r"\$", "$")
    if text_width(plain, size) <= inches:
        return text
    for kept in range(len(plain) - 1, 1, -1):
        tail = kept // 3
        short = f"{plain[: kept - tail]}…{plain[len(plain) - tail :]}"
        if text_width(short, size) <= inches:
            break
    return short.replace("$", r"\$")


def every(labels: Sequence[str], inches: float, size: float) -> int:
    """Return the smallest step with which labels, equally far apart over a width, do not touch."""
    if len(labels) < 2:
        return 1
    widest = max(text_width(one, size) for one in labels) + size / 72
    apart = inches / len(labels)
    return max(1, -int(-widest // apart))
