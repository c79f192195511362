import io

import matplotlib as mpl
import pytest
from rich.console import Console

from bench.errors import UsageError
from bench.figures import FIGURES, save
from bench.grid import read_grid
from bench.progress import Progress
from bench.runner import run
from bench.store import Store

mpl.use("Agg")


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    options = {
        "task": ["two_moons", "gaussian_mixture"],
        "method": ["prior", "rejection_abc"],
        "num_simulations": [150, 300],
        "observation": [1, 2],
        "num_samples": 60,
    }
    store = Store(tmp_path_factory.mktemp("figures"))
    run(read_grid(None, options).cells(), store, 1, Progress(Console(file=io.StringIO())))
    return store.read()


@pytest.mark.parametrize("name", FIGURES)
def test_a_panel_for_each_task_and_a_colour_for_each_method(rows, name, tmp_path):
    figure = FIGURES[name](rows)
    assert [axis.get_title() for axis in figure.axes] == ["gaussian_mixture", "two_moons"]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"prior", "rejection_abc"} <= set(legend)
    paths = save(figure, tmp_path / "figures", name)
    assert [path.suffix for path in paths] == [".png", ".pdf"]
    assert all(path.stat().st_size > 5000 for path in paths)


def test_means_are_what_is_drawn(rows):
    figure = FIGURES["accuracy_by_time"](rows)
    drawn = sorted(float(y) for axis in figure.axes for y in axis.collections[0].get_offsets()[:, 1])
    means = sorted(rows.groupby(["task", "method", "num_simulations"])["c2st"].mean())
    assert drawn == pytest.approx(means)


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_to_draw_is_said(rows, name):
    with pytest.raises(UsageError, match="no row has a C2ST"):
        FIGURES[name](rows.assign(status="error"))
