import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from bench.errors import UsageError
from bench.results.figures import draw, figures
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


@pytest.mark.parametrize("name", BY_TASK)
def test_a_panel_for_each_task_and_a_colour_for_each_method(rows, name, tmp_path):
    figure = draw(name, rows)
    assert [axis.get_title() for axis in figure.axes] == ["gaussian_mixture", "two_moons"]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"prior", "rejection_abc"} <= set(legend)
    assert "reference" not in legend
    for axis in figure.axes:
        floor = rows[(rows["method"] == "reference") & (rows["task"] == axis.get_title())]["c2st"].mean()
        assert floor == pytest.approx(axis.texts[0].xy[1])
    paths = save(figure, tmp_path / "figures", name)
    assert [path.suffix for path in paths] == [".png", ".pdf"]
    assert all(path.stat().st_size > 5000 for path in paths)


def test_means_are_what_is_drawn(rows):
    figure = draw("accuracy_by_time", rows)
    drawn = sorted(float(y) for axis in figure.axes for y in axis.collections[0].get_offsets()[:, 1])
    methods = rows[rows["method"] != "reference"]
    means = sorted(methods.groupby(["task", "method", "num_simulations"])["c2st"].mean())
    assert drawn == pytest.approx(means)


def test_reference_alone_is_drawn_as_a_method(rows):
    figure = draw("c2st_by_budget", rows[rows["method"] == "reference"])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["reference"]


def test_calibration_has_a_curve_for_each_method_and_budget_and_for_ranks_each_parameter(rows, tmp_path):
    figure = draw("calibration", rows)
    assert len(figure.axes) == 2 * 3
    sbc, coverage, tarp = figure.axes[:3]
    assert sbc.get_title() == "gaussian_mixture: SBC ranks"
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
        lines = [line for line in axis.lines if len(line.get_xdata()) == 3]
        assert len(lines) == 2  # one line for each budget
        assert [text.get_text() for text in axis.texts].count("8 steps") == 2


def test_shared_and_exclusive_times_are_not_mixed(rows):
    alone = rows.assign(timing="exclusive")
    slow = rows[rows["method"] == "prior"].assign(timing="shared", sample_s=1e6)
    figure = draw("accuracy_by_time", pd.concat([alone, slow], ignore_index=True))
    seconds = [float(x) for axis in figure.axes for x in axis.collections[0].get_offsets()[:, 0]]
    assert max(seconds) < 1e6
    assert "(cpu, exclusive)" in figure.axes[0].get_xlabel()


@pytest.mark.parametrize("name", BY_TASK)
def test_numbers_of_samples_are_not_pooled(rows, name):
    fewer = rows[rows["method"] == "prior"].assign(num_posterior_samples=10, c2st=0.0)
    said = []
    figure = draw(name, pd.concat([rows, fewer], ignore_index=True), say=said.append)
    assert said == [f"{len(fewer)} rows are left out: their number of samples is not 60"]
    for with_fewer, without in zip(figure.axes, draw(name, rows).axes, strict=True):
        for one, other in zip(with_fewer.collections, without.collections, strict=True):
            np.testing.assert_array_equal(one.get_offsets(), other.get_offsets())


def test_the_noise_floor_may_have_fewer_samples(rows):
    fewer = rows.assign(
        num_posterior_samples=rows["num_posterior_samples"].where(rows["method"] != "reference", 30)
    )
    assert draw("c2st_by_budget", fewer).axes[0].texts[0].get_text() == "reference"


@pytest.mark.parametrize("name", figures())
def test_the_newest_version_alone_is_drawn(rows, name):
    old = rows[rows["method"] == "prior"].assign(method_version="0", c2st=0.0, cell="old")
    both = pd.concat([rows, old], ignore_index=True)
    said = []

    def legend(**options):
        return {text.get_text() for text in draw(name, both, **options).legends[0].get_texts()}

    assert "prior" in legend(say=said.append)
    assert "rows of prior@0 are left out" in "".join(said)
    assert {"prior@0", "prior@1"} <= legend(all_versions=True)


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
