"""Training data that are cached for other methods, and the time that their simulation took."""

import pytest

import tasks
from bench.results.store import Store
from bench.run.cell import Cell, run_cell
from bench.run.simulation_cache import simulations


def test_a_time_is_given_by_the_call_that_made_them_alone(tmp_path):
    task = tasks.get("two_moons")
    made, read = (simulations(task, 50, 0, tmp_path) for _ in range(2))
    assert made.seconds > 0
    assert read.seconds is None
    assert (made.theta == read.theta).all()
    assert (made.x == read.x).all()
    assert made.num_failed == read.num_failed == 0
    assert simulations(task, 50, 0, None).seconds > 0


@pytest.mark.usefixtures("quick_classifiers")
@pytest.mark.parametrize("kept", [True, False])
def test_rows_on_simulations_from_elsewhere_have_no_time(tmp_path, kept):
    cells = [Cell("two_moons", method, 200, 0, 50, "cpu", (1,)) for method in ("prior", "rejection_abc")]
    rows = [run_cell(cell, tmp_path if kept else None)[0] for cell in cells]
    assert [row["status"] for row in rows] == ["ok", "ok"]
    assert rows[0]["simulate_s"] > 0
    assert (rows[1]["simulate_s"] is None) == kept
    store = Store(tmp_path)
    for cell, row in zip(cells, rows, strict=True):
        store.write_cell(cell.key, [row])
    assert store.read()["simulate_s"].isna().sum() == kept
