from dataclasses import replace

import pytest
from scipy import stats

from bench.results.style_file import Style
from bench.results.tables.estimates import Estimate, estimates
from bench.results.tables.metric_values import metric_values
from bench.results.tables.pivot import pivot_frame, pivot_table
from bench.results.tables.text_format import as_text


@pytest.fixture
def values(written_rows, grid):
    return metric_values(written_rows(grid), "c2st")


def lines(table):
    """Entries of each line by the name at its left; groups are joined."""
    return {line[0].text: line[1:] for _, group in table.groups for line in group}


def test_mean_and_spread(values):
    numbers = [0.60, 0.62, 0.64]
    sem = stats.sem(numbers)
    low, _ = stats.t.interval(0.95, 2, loc=0.62, scale=sem)
    wanted = {"sd": 0.02, "se": sem, "ci95": 0.62 - low}
    for interval, spread in wanted.items():
        found = estimates(values, interval)["sir", "a", 1000]
        assert (found.mean, found.spread) == (pytest.approx(0.62), pytest.approx(spread))


def test_best_and_those_within_noise_of_it(values):
    found = estimates(values, "sd")
    # b - a is .04, -.01, .01: .0133 ± .0636 by Student's t; c - a is .2 at each observation.
    marks = {method: (found["sir", method, 1000].best, found["sir", method, 1000].close) for method in "abc"}
    assert marks == {"a": (True, False), "b": (False, True), "c": (False, False)}


def test_the_noise_floor_is_not_the_best(written_rows, grid):
    floor = [
        {"task": "sir", "method": "reference", "num_observation": k, "c2st": 0.5 + k / 1000}
        for k in (1, 2, 3)
    ]
    found = estimates(metric_values(written_rows([*grid, *floor]), "c2st"), "sd")
    assert not found["sir", "reference", 1000].best
    assert found["sir", "a", 1000].best


def test_one_observation_says_nothing_about_noise(written_rows, grid):
    rows = written_rows([row for row in grid if row["num_observation"] == 1])
    found = estimates(metric_values(rows, "c2st"), "sd")
    assert found["sir", "a", 1000].best
    assert not found["sir", "b", 1000].close
    assert "±" not in as_text(pivot_table(metric_values(rows, "c2st"), ("method", "task"), "sd"))


def test_higher_is_better_for_a_metric_that_says_so(values):
    found = estimates(replace(values, better="higher"), "sd")
    assert found["sir", "c", 1000].best
    assert not found["sir", "a", 1000].best


def test_lines_columns_and_groups_are_the_three_axes(values):
    table = pivot_table(values, ("method", "task"), "none")
    assert list(table.head) == ["method", "sir", "two_moons"]
    assert [title for title, _ in table.groups] == ["1000 simulations"]
    assert [entry.text for entry in lines(table)["a"]] == ["0.620", "0.620"]
    table = pivot_table(values, ("task", "budget"), "none")
    assert list(table.head) == ["task", "1000 simulations"]
    assert [title for title, _ in table.groups] == ["a", "b", "c"]


def test_names_and_order_are_those_of_a_style(values):
    style = Style(methods={"c": "Third", "a": None}, tasks={"two_moons": "Moons"})
    table = pivot_table(values, ("method", "task"), "sd", style)
    assert list(table.head) == ["method", "Moons", "sir"]
    assert list(lines(table)) == ["Third", "a", "b"]


def test_failures_are_marked_and_explained(written_rows, grid):
    grid[0] |= {"status": "error", "c2st": None}
    grid = [row | ({"status": "timeout", "c2st": None} if row["method"] == "c" else {}) for row in grid]
    table = pivot_table(metric_values(written_rows(grid), "c2st"), ("method", "task"), "sd")
    assert [(entry.text, entry.mark) for entry in lines(table)["c"]] == [("failed", "†"), ("failed", "†")]
    assert [entry.mark for entry in lines(table)["a"]] == ["†", ""]
    [note] = [note for note in table.notes if note.startswith("†")]
    assert "a on sir at 1000 (1 of 3)" in note
    assert "c on two_moons at 1000 (3 of 3)" in note


def test_what_was_not_run_is_empty(written_rows, grid):
    rows = [row for row in grid if (row["method"], row["task"]) != ("b", "sir")]
    table = pivot_table(metric_values(written_rows(rows), "c2st"), ("method", "task"), "none")
    assert [entry.text for entry in lines(table)["b"]] == ["–", "0.633"]


def test_published_lines_come_last_and_are_never_best(values):
    published = {("sir", "NPE (x 2021)", 1000): Estimate(0.5, 0.01, 10, source="x 2021 (y)")}
    table = pivot_table(values, ("method", "task"), "sd", None, published)
    assert list(lines(table))[-1] == "NPE (x 2021)"
    assert not lines(table)["NPE (x 2021)"][0].best
    assert any("x 2021 (y)" in note for note in table.notes)


def test_the_frame_has_every_number(values):
    frame = pivot_frame(values, "se").set_index(["task", "method"])
    assert len(frame) == 6
    assert frame.loc[("sir", "a"), "spread"] == pytest.approx(0.02 / 3**0.5)
    assert frame["best"].sum() == 2
    assert frame["within_noise"].sum() == 2
