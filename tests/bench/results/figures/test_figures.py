import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import methods
from bench.errors import UsageError
from bench.results.figures import draw
from bench.results.figures.caption import caption
from bench.results.figures.drawing import drawn
from bench.results.figures.options import FigureOptions
from bench.results.figures.style import save
from bench.results.store import Store
from bench.run.grid import read_grid
from bench.run.progress import Progress
from bench.run.run_options import RunOptions
from bench.run.runner import run

mpl.use("Agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


BY_TASK = ["c2st_by_budget", "accuracy_by_time"]


@pytest.fixture(scope="module")
def rows(tmp_path_factory, classifiers_replaced):
    options = {
        "task": ["two_moons", "gaussian_mixture"],
        "method": ["prior", "rejection_abc", "reference"],
        "num_simulations": [150, 300],
        "observation": [1, 2],
        "num_samples": 60,
        "calibration": 100,
    }
    store = Store(tmp_path_factory.mktemp("figures"))
    cells, quiet = read_grid(None, options).cells(), Progress(Console(file=io.StringIO()))
    with classifiers_replaced():
        run(cells, store, RunOptions(backend="sequential"), quiet)
    return store.read()


def levels(axis):
    """Heights of the lines across a panel."""
    return [line.get_ydata()[0] for line in axis.lines if list(line.get_xdata()) == [0, 1]]


def points(axis):
    """Coordinates of all markers of a panel, ``(N, 2)``."""
    marked = [line.get_xydata() for line in axis.lines if line.get_marker() not in ("None", "")]
    return np.concatenate([np.asarray(each, dtype=float) for each in marked])


@pytest.mark.parametrize("name", BY_TASK)
def test_a_panel_for_each_task_and_a_colour_for_each_method(rows, name, tmp_path):
    figure = draw(name, rows)
    assert [axis.get_title() for axis in figure.axes] == ["gaussian_mixture", "two_moons"]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "rejection_abc" in legend
    assert ("prior" in legend) == (name == "c2st_by_budget")  # its time is no posterior's
    assert "reference" not in legend
    assert "reference (noise floor)" in legend
    for axis in figure.axes:
        floor = rows[(rows["method"] == "reference") & (rows["task"] == axis.get_title())]["c2st"].mean()
        assert floor in [pytest.approx(level) for level in levels(axis)]
    paths = save(figure, tmp_path / "figures", name)
    assert [path.suffix for path in paths] == [".png", ".pdf"]
    assert all(path.stat().st_size > 5000 for path in paths)


def test_means_are_what_is_drawn(rows):
    figure = draw("accuracy_by_time", rows)
    heights = sorted(float(y) for axis in figure.axes for y in points(axis)[:, 1])
    proper = rows[~rows["method"].isin(["reference", "prior"])]
    means = sorted(proper.groupby(["task", "method", "num_simulations"])["c2st"].mean())
    assert heights == pytest.approx(means)


def test_reference_alone_is_drawn_as_a_method(rows):
    figure = draw("c2st_by_budget", rows[rows["method"] == "reference"])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["reference", "perfect"]


def test_calibration_has_a_curve_for_each_method_and_budget_and_for_ranks_each_parameter(rows, tmp_path):
    figure = draw("calibration", rows)
    assert len(figure.axes) == 2 * 3
    sbc, coverage, tarp = figure.axes[:3]
    assert [sbc.get_title(), sbc.get_ylabel()] == ["SBC ranks", "gaussian_mixture"]
    line_at_zero = 1
    assert len(coverage.lines) == len(tarp.lines) == 2 * 2 + line_at_zero
    assert len(sbc.lines) == 2 * 2 * 2 + line_at_zero
    assert all(path.stat().st_size > 5000 for path in save(figure, tmp_path, "calibration"))
    with pytest.raises(UsageError, match="--calibration"):
        draw("calibration", rows.assign(sbc_ks=float("nan")))


@pytest.mark.parametrize("name", BY_TASK)
def test_nothing_to_draw_is_said(rows, name):
    with pytest.raises(UsageError, match="no row has a C2ST"):
        draw(name, rows.assign(status="error"))


def with_steps(rows, steps):
    one = rows[rows["method"] == "prior"]
    parts = [one.assign(params=f'{{"steps": {n}}}', c2st=one["c2st"] - n / 100) for n in steps]
    return pd.concat(parts, ignore_index=True)


def test_methods_that_differ_in_steps_are_joined_by_a_line(rows):
    figure = draw("accuracy_by_time", with_steps(rows, [2, 4, 8]))
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "prior" in legend
    assert not any("steps" in text for text in legend)
    for axis in figure.axes:
        curves = [line for line in axis.lines if line.get_drawstyle() == "default"]
        lines = [line for line in curves if len(line.get_xdata()) == 3]
        assert len(lines) == 2  # one line for each budget
        assert [text.get_text() for text in axis.texts].count("8 steps") == 2


def test_shared_and_exclusive_times_are_not_mixed(rows):
    alone = rows.assign(timing="exclusive")
    slow = rows[rows["method"] == "rejection_abc"].assign(timing="shared", sample_s=1e6)
    figure = draw("accuracy_by_time", pd.concat([alone, slow], ignore_index=True))
    assert max(points(axis)[:, 0].max() for axis in figure.axes) < 1e6
    assert "(cpu, exclusive)" in figure.get_supxlabel()


@pytest.mark.parametrize("name", ["accuracy_by_time", "times"])
def test_the_caption_counts_points_of_another_kind(made_up, name):
    rows = made_up(num_tasks=2, num_methods=3, budgets=(1000,))
    assert "another kind" not in caption(drawn(name, rows, FigureOptions()))
    first = (rows["task"] == rows["task"].iloc[0]) & (rows["method"] == rows["method"].iloc[0])
    other = rows.assign(timing=rows["timing"].where(~first, "shared"))
    assert "of another kind are left out (1)" in caption(drawn(name, other, FigureOptions()))


@pytest.mark.parametrize("name", BY_TASK)
def test_numbers_of_samples_are_not_pooled(rows, name):
    fewer = rows[rows["method"] == "prior"].assign(num_posterior_samples=10, c2st=0.0)
    said = []
    figure = draw(name, pd.concat([rows, fewer], ignore_index=True), say=said.append)
    assert said == [f"{len(fewer)} rows are left out: their number of samples is not 60"]
    for with_fewer, without in zip(figure.axes, draw(name, rows).axes, strict=True):
        np.testing.assert_array_equal(points(with_fewer), points(without))


def test_the_noise_floor_may_have_fewer_samples(rows):
    fewer = rows.assign(
        num_posterior_samples=rows["num_posterior_samples"].where(rows["method"] != "reference", 30)
    )
    floor = fewer[(fewer["method"] == "reference") & (fewer["task"] == "gaussian_mixture")]["c2st"].mean()
    axis = draw("c2st_by_budget", fewer).axes[0]
    assert floor in [pytest.approx(level) for level in levels(axis)]


@pytest.mark.parametrize("name", ["c2st_by_budget", "accuracy_by_time", "calibration", "profile"])
def test_the_newest_version_alone_is_drawn(rows, name):
    old = rows[rows["method"] == "rejection_abc"].assign(method_version="0", c2st=0.0, cell="old")
    both = pd.concat([rows, old], ignore_index=True)
    said = []

    def legend(**options):
        return {text.get_text() for text in draw(name, both, **options).legends[0].get_texts()}

    assert "rejection_abc" in legend(say=said.append)
    assert "rows of rejection_abc@0 are left out" in "".join(said)
    versions = {f"rejection_abc@{version}" for version in ("0", methods.get("rejection_abc").version)}
    assert versions <= legend(all_versions=True)


def test_calibration_takes_good_rows_and_the_pairs_that_did_not_fail(rows):
    def band(shown):
        return draw("calibration", shown).axes[0].collections[0].get_paths()[0].vertices

    failed = rows.assign(status="error", num_calibration_finite=1, cell="failed")
    shown = pd.concat([rows.assign(num_calibration_finite=97), failed], ignore_index=True)
    # 97 of the 100 requested pairs succeeded; rows from before this was counted give the requested number.
    np.testing.assert_array_equal(
        band(shown), band(rows.assign(num_calibration=97, num_calibration_finite=np.nan))
    )
    assert not np.array_equal(band(shown), band(rows.assign(num_calibration_finite=100)))
    assert len(draw("calibration", shown).axes[0].lines) == 2 * 2 * 2 + 1
