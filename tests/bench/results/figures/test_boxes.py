"""No two texts of a figure overlap, none is cut or too small, and no legend hides data."""

import itertools
from collections import Counter

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from matplotlib.text import Text

from bench.results.figures import draw, figures

SMALLEST = 6.0  # points
TOLERANCE = 1.0  # pixels at 100 per inch: a hundredth of an inch
SUITE = [name for name, entry in figures().items() if entry.__module__.startswith("bench.")]
SAMPLES = {"posterior", "predictive"}


def shown_texts(figure):
    """Texts that are drawn, with their boxes in pixels."""
    figure.draw_without_rendering()
    hidden = set()
    for axes in figure.axes:
        for line in (axes.xaxis, axes.yaxis):
            low, high = sorted(line.get_view_interval())
            room = 1e-6 * (high - low)
            for tick in (*line.get_major_ticks(), *line.get_minor_ticks()):
                if not low - room <= tick.get_loc() <= high + room or not axes.axison:
                    hidden |= {tick.label1, tick.label2}
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return [(text, text.get_window_extent()) for text in texts if text not in hidden]


def overlap(one, other):
    return (
        min(one.x1, other.x1) - max(one.x0, other.x0) > TOLERANCE
        and min(one.y1, other.y1) - max(one.y0, other.y0) > TOLERANCE
    )


def faults(figure):
    """What is wrong with the texts and legends of a figure."""
    texts = shown_texts(figure)
    assert len(texts) > 3
    page = figure.bbox
    found = []
    for (one, box), (other, next_box) in itertools.combinations(texts, 2):
        if overlap(box, next_box):
            found.append(f"{one.get_text()!r} overlaps {other.get_text()!r}")
    for text, box in texts:
        if text.get_fontsize() < SMALLEST:
            found.append(f"{text.get_text()!r} has {text.get_fontsize()} points")
        cut = max(page.x0 - box.x0, box.x1 - page.x1, page.y0 - box.y0, box.y1 - page.y1)
        if cut > TOLERANCE:
            found.append(f"{text.get_text()!r} is cut by {cut:.0f} pixels")
    for legend in figure.legends:
        box = legend.get_window_extent()
        if any(axes.axison and overlap(box, axes.get_window_extent()) for axes in figure.axes):
            found.append("the legend hides a panel")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("width", [3.3, 6.75])
@pytest.mark.parametrize("name", SUITE)
def test_texts_have_room(name, width, made_up, made_up_samples):
    for size in [(3, 6), (12, 12), (1, 2)]:
        if name == "ranks" and size == (1, 2):
            continue
        rows = made_up(*size, seeds=1)
        figure = draw(name, rows, width=width, font_size=8, samples=made_up_samples)
        assert figure.get_figwidth() == width
        assert faults(figure) == [], size
        if width == 6.75:
            assert figure.get_figheight() <= 9.0


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SUITE if name not in SAMPLES])
def test_long_names_have_room(name, made_up):
    rows = made_up(3, 4, seeds=1)
    rows = rows.assign(
        method=rows["method"].map(
            lambda method: f"{method}_{'long_' * 9}" if method != "reference" else method
        ),
        task=rows["task"] + "_with_a_name_that_is_far_too_long_for_a_panel",
    )
    assert faults(draw(name, rows, width=3.3, font_size=8)) == []


def test_overlaps_are_found():
    figure, axes = plt.subplots(figsize=(3, 3))
    for _ in range(2):
        axes.text(0.5, 0.5, "both", transform=axes.transAxes, fontsize=5)
    figure.text(-0.5, 0.5, "out")
    found = " ".join(faults(figure))
    plt.close(figure)
    assert "'both' overlaps 'both'" in found
    assert "'both' has 5.0 points" in found
    assert "'out' is cut" in found


@pytest.mark.parametrize("name", [name for name in SUITE if name not in SAMPLES])
def test_parameters_of_matplotlib_are_left_alone(name, made_up):
    before, numbers = dict(mpl.rcParams), plt.get_fignums()
    draw(name, made_up(2, 3, seeds=1))
    changed = Counter(key for key, value in mpl.rcParams.items() if repr(value) != repr(before[key]))
    assert not changed
    assert plt.get_fignums() == numbers
