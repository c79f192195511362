"""Colour, marker and line of each method: the same in every figure of every directory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bench.results.ends_of_scale import FLOOR
from bench.results.figures.figure import label
from bench.results.style_file import MethodStyle, Style, check_names

__all__ = ["LOOKS", "Look", "looks"]

# As matplotlib takes them; its types are narrower than what it takes.
Marker = Any
Line = Any


@dataclass(frozen=True)
class Look:
    """How a method is drawn.

    Attributes:
        name: Name in legends and labels.
        color: Colour of matplotlib.
        marker: Marker of matplotlib.
        line: Line style of matplotlib.
    """

    name: str
    color: str
    marker: Marker
    line: Line = "-"

    def line_options(self) -> dict[str, Any]:
        """Options of a line with markers, for ``Axes.plot`` and ``Line2D``."""
        return {"color": self.color, "marker": self.marker, "linestyle": self.line}


# Any two colours differ by 14 or more (CIEDE2000), also as seen with deuteranopia or protanopia. A method
# keeps its look for ever: pictures of papers that used it do not change.
LOOKS = {
    name: Look(name, color, marker)
    for name, color, marker in [
        ("denoiser", "#ffaa66", "P"),
        ("exact_score", "#bb2200", "X"),
        ("exact_score_net", "#ff7799", "p"),
        ("fmpe", "#0099ff", "s"),
        ("inflationary", "#0000cc", "h"),
        ("learned_likelihood", "#660000", "d"),
        ("nle", "#009977", "D"),
        ("npe", "#0077aa", "o"),
        ("npse", "#33ccee", "^"),
        ("nre", "#55ccbb", "v"),
        ("one_pass", "#dd6600", "*"),
        ("outsourced", "#550055", "8"),
        ("prior", "#774466", "<"),
        ("rejection_abc", "#884444", ">"),
    ]
}
LOOKS[FLOOR] = Look(FLOOR, "#4d4d4d", "H", ":")

# Other methods have markers and a line that none of the suite's has. Their colours differ by 14 from each
# other and by 8 from the suite's.
COLORS = ["#ee3366", "#4400ff", "#44aacc", "#551133", "#991122"]
COLORS += ["#ff8800", "#002288", "#55aa99", "#995588", "#3377ee"]
MARKERS: tuple[Marker, ...] = (
    (4, 1, 0),
    (3, 1, 0),
    (6, 1, 0),
    (4, 1, 45),
    (3, 1, 180),
    (8, 1, 0),
    (5, 0, 180),
)
DASHES: Line = (0, (4.0, 1.2))


def looks(methods: Iterable[str], style: Style | None = None) -> dict[str, Look]:
    """Return the look of each method, in the order in which methods are shown.

    A method of the suite with its default parameters has its own look. Any other name, also one with
    parameters, gets a look by its name alone, or the next free one if another name in the figure has it.

    Arguments:
        methods: Names of methods, as in tables.
        style: Names, colours, markers and order given by the user.

    Raises:
        UsageError: if the style gives two of them one name.

    Example:
        >>> looks(["npe"])["npe"]
        Look(name='npe', color='#0077aa', marker='o', line='-')
    """
    given = {label(key): value for key, value in style.methods.items()} if style else {}
    rank = {key: number for number, key in enumerate(given)}
    ordered = sorted(set(methods), key=lambda name: (rank.get(name, len(rank)), name))
    others = _others([name for name in ordered if name not in LOOKS])
    found = {name: _with(given.get(name), LOOKS.get(name) or others[name]) for name in ordered}
    check_names({name: look.name for name, look in found.items()})
    return found


def _others(names: list[str]) -> dict[str, Look]:
    """Return looks of methods that are not the suite's; colours do not repeat before all are used."""
    found: dict[str, Look] = {}
    taken: list[tuple[int, int]] = []
    for name in sorted(names):
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
        color = _free(number % len(COLORS), [one for one, _ in taken], len(COLORS))
        marker = _free(number // len(COLORS) % len(MARKERS), [one for _, one in taken], len(MARKERS))
        taken.append((color, marker))
        found[name] = Look(name, COLORS[color], MARKERS[marker], DASHES)
    return found


def _free(first: int, taken: list[int], number: int) -> int:
    """Return the first number from ``first`` on, in a circle, that is taken least often."""
    circle = [(first + step) % number for step in range(number)]
    return min(circle, key=taken.count)


def _with(given: MethodStyle | None, look: Look) -> Look:
    if given is None:
        return look
    return Look(
        label(given.name) if given.name else look.name,
        given.color or look.color,
        given.marker or look.marker,
        given.line or look.line,
    )
