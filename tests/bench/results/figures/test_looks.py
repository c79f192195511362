"""Methods can be told apart, also with deuteranopia and protanopia, and keep their looks."""

import itertools

import matplotlib as mpl
import numpy as np
import pytest

import methods
from bench.results.figures.looks import COLORS, LOOKS, looks
from bench.results.style_file import Style
from methods.contract.registry import method_class

DISTINCT = 10.0  # CIEDE2000
# Linear RGB as seen without the long or middle cones: Machado, Oliveira, Fernandes, A physiologically-based
# model for simulation of color vision deficiency, IEEE TVCG 15, 2009, severity 1.
SEEN = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def lab(color, seen="normal"):
    """CIELAB of a colour (D65) as seen."""
    rgb = np.array(mpl.colors.to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(SEEN[seen] @ linear, 0, 1)
    xyz = XYZ @ linear / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one, other):
    """Colour difference by Sharma, Wu, Dalal, Color Research and Application 30, 2005."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    g = 0.5 * (1 - np.sqrt(c7 / (c7 + 25.0**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    lightness, c = (l1 + l2) / 2, (c1 + c2) / 2
    h = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    t = (
        1
        - 0.17 * np.cos(np.radians(h - 30))
        + 0.24 * np.cos(np.radians(2 * h))
        + 0.32 * np.cos(np.radians(3 * h + 6))
        - 0.2 * np.cos(np.radians(4 * h - 63))
    )
    sl = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    sc, sh = 1 + 0.045 * c, 1 + 0.015 * c * t
    rt = -np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2)))) * 2 * np.sqrt(c**7 / (c**7 + 25.0**7))
    x, y, z = (l2 - l1) / sl, (c2 - c1) / sc, dh / sh
    return float(np.sqrt(x**2 + y**2 + z**2 + rt * y * z))


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        # Pairs 1, 7, 13, 17 and 25 of the table of Sharma, Wu and Dalal.
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, -0.001, 2.49), (50.0, 0.0011, -2.49), 4.7461),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ],
)
def test_the_difference_is_the_published_one(one, other, difference):
    assert ciede2000(one, other) == pytest.approx(difference, abs=1e-4)


def apart(one, other):
    """Whether two looks can be told apart however colours are seen."""
    least = min(ciede2000(lab(one.color, seen), lab(other.color, seen)) for seen in SEEN)
    return least >= DISTINCT or (one.marker != other.marker and one.line != other.line)


def test_the_methods_of_the_suite_can_be_told_apart():
    own = {name for name in methods.names() if method_class(name).__module__.startswith("methods.")}
    assert own <= set(LOOKS)
    assert len({look.color for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.marker for look in LOOKS.values()}) == len(LOOKS)
    assert [pair for pair in itertools.combinations(LOOKS.values(), 2) if not apart(*pair)] == []


def test_any_other_methods_can_be_told_apart():
    others = [f"npe[hidden_features={k}]" for k in range(6)] + ["mine", "yours", "npe@1", "nre@2"]
    found = looks([*others, "npe", "fmpe"])
    assert len({look.color for look in found.values()}) == 12
    assert [pair for pair in itertools.combinations(found.values(), 2) if not apart(*pair)] == []
    assert not {look.marker for look in found.values()} & {LOOKS["prior"].marker, LOOKS["nre"].marker}
    assert not set(COLORS) & {look.color for look in LOOKS.values()}


def test_a_look_does_not_depend_on_the_selection():
    few = looks(["npe", "mine", "reference"])
    assert few["npe"] == looks(["npe"])["npe"] == looks(LOOKS)["npe"]
    assert few["mine"] == looks(["mine", *LOOKS])["mine"]


def test_a_style_has_the_last_word():
    style = Style(methods={"mine": {"name": "Ours", "color": "black", "marker": "o"}, "npe": {}})
    found = looks(["fmpe", "npe", "mine"], style)
    assert list(found) == ["mine", "npe", "fmpe"]
    assert (found["mine"].name, found["mine"].color, found["mine"].marker) == ("Ours", "black", "o")
    assert found["npe"] == LOOKS["npe"]
