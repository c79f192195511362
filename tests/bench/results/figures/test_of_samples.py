"""Figures of kept samples: contours against the reference, and the observation within simulations."""

import numpy as np
import pytest

import tasks
from bench.errors import UsageError
from bench.results.figures import draw, drawn
from bench.results.figures.caption import caption
from bench.results.figures.options import FigureOptions
from bench.results.style_file import Style


def test_a_triangle_of_the_parameters(made_up, made_up_samples):
    rows = made_up(3, 2)
    made = drawn("posterior", rows[rows["task"] == "sir"], FigureOptions(samples=made_up_samples))
    assert len(made.figure.axes) == 3
    corner = made.figure.axes[1]
    assert [corner.get_xlabel(), corner.get_ylabel()] == ["β", "γ"]
    truth = tasks.get("sir").true_theta(1)[0].tolist()
    dotted = [line for line in corner.lines if line.get_linestyle() == ":"]
    assert [dotted[0].get_xdata()[0], dotted[1].get_ydata()[0]] == pytest.approx(truth)
    legend = [text.get_text() for text in made.figure.legends[0].get_texts()]
    assert legend == ["fmpe", "npe", "reference", "true parameters"]
    assert "Shown is observation 1 of sir at 10000 simulations." in caption(made)


def test_contours_hold_what_they_say(made_up, made_up_samples):
    rows = made_up(1, 1)
    figure = draw("posterior", rows, samples=made_up_samples)
    corner = figure.axes[1]
    samples = made_up_samples(cell="two_moons-npe-10000-0", num_observation=1)
    outer = corner.collections[-1].get_paths()[0]
    # The path of a level holds all of its closed lines; a point is inside of an odd number of them.
    inside = np.zeros(len(samples), dtype=bool)
    for ring in outer.to_polygons():
        from matplotlib.path import Path

        inside ^= Path(ring).contains_points(samples)
    assert inside.mean() == pytest.approx(0.95, abs=0.04)


def test_the_first_five_of_many_parameters(made_up, made_up_samples):
    rows = made_up(5, 1)
    rows = rows[rows["task"] == "gaussian_linear"]
    made = drawn("posterior", rows, FigureOptions(samples=made_up_samples))
    assert len(made.figure.axes) == 15
    assert "The first 5 of 10 parameters are shown." in made.entry.notes
    assert made.figure.axes[-1].get_xlabel() == "θ₅"


def test_what_is_left_out_is_noted(made_up, made_up_samples):
    made = drawn("posterior", made_up(2, 9), FigureOptions(samples=made_up_samples))
    notes = " ".join(made.entry.notes)
    assert "want of room: npse, nre, one_pass." in notes
    assert "one of 2 tasks" in notes


def test_the_prior_is_left_out_first_and_lines_differ_where_many_cross(made_up, made_up_samples):
    rows = made_up(1, 12)
    rows = rows[rows["method"].isin(["npe", "nle", "nre", "npse", "prior", "one_pass", "rejection_abc"])]
    made = drawn("posterior", rows, FigureOptions(samples=made_up_samples))
    assert "want of room: prior." in " ".join(made.entry.notes)
    lines = made.figure.legends[0].get_lines()[:6]
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in lines}) == 6
    assert "Methods: nle, npe, npse, nre, one_pass, rejection_abc. Simulations" in caption(made).replace(
        "\n", " "
    )


def test_lines_of_variants_of_a_method_differ(made_up, made_up_samples):
    rows = made_up(1, 4)
    rows = rows[rows["method"] != "reference"]
    names = {name: f'{{"a": {k}}}' for k, name in enumerate(sorted(rows["method"].unique()))}
    rows = rows.assign(
        changed_params=rows["method"].map(names), params=rows["method"].map(names), method="npe"
    )
    style = Style(methods={"npe[a=1]": {"line": ":"}})
    made = drawn("posterior", rows, FigureOptions(samples=made_up_samples, style=style))
    lines = made.figure.legends[0].get_lines()[:4]
    assert len({str(line._dash_pattern) for line in lines}) == 4


def test_the_observation_within_simulations(made_up, made_up_samples):
    rows = made_up(2, 2)
    figure = draw("predictive", rows[rows["task"] == "sir"], samples=made_up_samples)
    assert [axes.get_title().partition(":")[0] for axes in figure.axes] == ["fmpe", "npe", "reference"]
    x_o = tasks.get("sir").observation(1)[0].numpy()
    for axes in figure.axes:
        np.testing.assert_allclose(axes.lines[-1].get_ydata(), x_o)
    within, entries = map(int, figure.axes[-1].get_title().partition(": ")[2].split("/"))
    assert entries == len(x_o)
    assert within >= 0.7 * entries
    assert "(sir, observation 1)" in figure.get_supxlabel()


@pytest.mark.parametrize("name", ["posterior", "predictive"])
def test_why_nothing_is_drawn(name, made_up, made_up_samples):
    def nothing(**_):
        raise UsageError("no samples are kept")

    rows = made_up(1, 2)
    with pytest.raises(UsageError, match="scorebench run --keep samples keeps them"):
        draw(name, rows, samples=nothing)
    with pytest.raises(UsageError, match="none was given"):
        draw(name, rows)
    with pytest.raises(UsageError, match="task 'ring' is not registered; load its file with --plugin"):
        draw(name, rows.assign(task="ring"), samples=made_up_samples)


def test_samples_are_looked_for_in_all_seeds(made_up, made_up_samples):
    def only_second_seed(*, cell, num_observation):
        if not cell.endswith("-1"):
            raise UsageError("no samples are kept")
        return made_up_samples(cell=cell, num_observation=num_observation)

    assert len(draw("posterior", made_up(1, 2), samples=only_second_seed).axes) == 3
