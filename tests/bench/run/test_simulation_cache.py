"""Training data that are cached for other methods, and the time that their simulation took."""

import importlib.util
import sys

import pytest
import torch

import tasks
from bench.results.store import Store
from bench.run.cell import Cell
from bench.run.run_cell import run_cell
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


SIMULATOR = """
import torch
from torch.distributions import Independent, Uniform

from tasks import Task


class Mended(Task):
    name = "mended"
    dim_theta, dim_x, num_observations = 1, 1, 1

    def prior(self):
        return Independent(Uniform(torch.zeros(1), torch.ones(1)), 1)

    def simulate(self, theta, seed):
        {comment}
        return theta + {shift}
"""


def mended(folder, number, shift, comment=""):
    """The task of a module that has been written anew, as another process would import it."""
    folder.mkdir(exist_ok=True)
    path = folder / f"mended_{number}.py"
    path.write_text(SIMULATOR.format(shift=shift, comment=comment))
    path = path.rename(folder / "mended.py")
    spec = importlib.util.spec_from_file_location("mended", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["mended"] = module
    spec.loader.exec_module(module)
    return module.Mended()


def test_a_mended_simulator_simulates_again(tmp_path, monkeypatch):
    """Once a method would train on what the simulator gave before it was mended."""
    monkeypatch.setitem(sys.modules, "mended", None)
    first = simulations(mended(tmp_path / "one", 1, 1.0), 20, 0, tmp_path)
    second = simulations(mended(tmp_path / "two", 2, 5.0), 20, 0, tmp_path)
    torch.testing.assert_close(second.x, first.x + 4.0)
    assert second.seconds is not None
    commented = simulations(mended(tmp_path / "three", 3, 5.0, "# a better explanation"), 20, 0, tmp_path)
    assert commented.seconds is None
    assert torch.equal(commented.x, second.x)


def test_nothing_is_kept_for_a_task_without_a_file(tmp_path):
    """The class of a notebook may have been changed since."""
    task = type("Notebook", (type(tasks.get("two_moons")),), {"__module__": "of_a_notebook"})()
    for _ in range(2):
        assert simulations(task, 20, 0, tmp_path).seconds is not None
