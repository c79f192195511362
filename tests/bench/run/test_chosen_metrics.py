"""Which metrics are computed, and how many simulations they make at posterior samples."""

import io
from dataclasses import replace

import pytest
import torch
from rich.console import Console

import tasks
from bench.errors import UsageError
from bench.results.store import Store
from bench.run import scoring
from bench.run.cell import Cell
from bench.run.grid import read_grid
from bench.run.outcome import Outcome
from bench.run.progress import Progress
from bench.run.run_cell import run_cell
from bench.run.run_options import RunOptions
from bench.run.runner import run
from bench.run.scoring import Predictive
from bench.run.simulation_cache import Simulations, simulate


@pytest.fixture
def cell():
    return Cell("two_moons", "rejection_abc", 200, 0, 100, "cpu", observations=(1,))


def grid(*metrics, file=None):
    return read_grid(file, {"task": ["two_moons"], "method": ["prior"], "metrics": list(metrics)})


@pytest.mark.usefixtures("quick_classifiers")
def test_only_chosen_metrics_are_computed_and_their_values_do_not_change(cell):
    [every], [chosen] = run_cell(cell), run_cell(replace(cell, metrics=("mmd2", "outside_prior")))
    assert every["num_predictive"] == round(100 * (1 - every["outside_prior"]))  # one for each sample inside
    assert chosen["num_predictive"] == 0
    assert chosen["mmd2"] == every["mmd2"]
    assert [chosen[name] for name in ("c2st", "c2st_rf", "ppc", "sliced_w2")] == [None] * 4
    assert (chosen["status"], chosen["metric_errors"]) == ("ok", None)
    assert replace(cell, metrics=("mmd2",)).key == cell.key


def test_no_calibration_pairs_are_made_for_other_metrics(cell, monkeypatch):
    monkeypatch.setattr(scoring, "calibration_pairs", lambda *_: pytest.fail("pairs were made"))
    [row] = run_cell(replace(cell, method="exact_score[steps=10]", calibration=100, metrics=("mmd2",)))
    assert (row["status"], row["num_calibration_finite"]) == ("ok", None)


def test_names_are_separated_by_commas_or_given_one_by_one(tmp_path):
    assert grid("c2st, mmd2", "ppc", "mmd2").metrics == ["c2st", "mmd2", "ppc"]
    assert grid("c2st,mmd2").cells()[0].metrics == ("c2st", "mmd2")
    assert grid().cells()[0].metrics is None
    file = tmp_path / "grid.yaml"
    file.write_text("{task: sir, method: prior, metrics: [c2st, mmd2]}")
    assert read_grid(file, {}).metrics == ["c2st", "mmd2"]


@pytest.mark.parametrize("name", ["c2stt", "", "C2ST"])
def test_an_unknown_metric_is_named_with_the_nearest(name):
    with pytest.raises(UsageError, match=f"unknown metric '{name}'"):
        grid(f"mmd2,{name}").cells()


def test_done_cells_are_not_scored_again(tmp_path):
    store, here = Store(tmp_path), RunOptions(backend="sequential")
    options = {"task": ["two_moons"], "method": ["prior"], "num_simulations": [50], "observation": [1]}
    for metrics, ran in (["mmd2"], 1), (["outside_prior"], 0):
        cells = read_grid(None, options | {"num_samples": 50, "metrics": metrics}).cells()
        assert run(cells, store, here, Progress()).ran == ran


class Clock:
    """A clock that only simulations of :class:`Slow` move, so that a busy machine changes nothing."""

    seconds = 0.0

    def perf_counter(self):
        return self.seconds


CLOCK = Clock()


@pytest.fixture
def own_clock(monkeypatch):
    monkeypatch.setattr(scoring, "time", CLOCK)


class Slow:
    """A task that takes ``each`` seconds for a simulation and ``call`` for a call."""

    name = "slow"

    def __init__(self, each=0.0, call=0.0):
        self.each, self.call = each, call
        self.made = 0

    def simulate(self, theta, seed):
        self.made += len(theta)
        CLOCK.seconds += self.call + self.each * len(theta)
        return theta

    def observation(self, k):
        return torch.zeros(1, 2)


def data(seconds=None, number=20):
    return Simulations(torch.zeros(number, 2), torch.zeros(number, 2), 0, seconds)


def test_a_slow_simulator_is_noticed_and_makes_fewer():
    task = Slow()
    slow = Predictive(task, data(seconds=10.0, number=100), 0)
    assert (slow.number, task.made) == (300, 0)  # the time of the training data is known
    assert "0.1 s for each simulation; ppc makes 300 instead of 1000" in slow.line
    assert Predictive(task, data(seconds=1e6, number=100), 0).number == scoring.FEWEST
    quick = Predictive(task, data(seconds=0.1, number=100), 0)
    assert (quick.number, quick.line) == (1000, "")


@pytest.mark.usefixtures("own_clock")
def test_a_simulator_of_unknown_speed_is_timed_on_few_simulations():
    task = Slow(each=0.05)
    slow = Predictive(task, data(), 0)
    assert task.made == 10
    assert slow.number <= 600
    task = Slow()
    assert (Predictive(task, data(), 0).number, task.made) == (1000, 2)
    assert Predictive(Slow(), None, 0).number == 1000  # no metric simulates


@pytest.mark.usefixtures("own_clock")
def test_the_cost_of_a_call_is_not_that_of_a_simulation():
    found = Predictive(Slow(call=0.1), data(), 0)
    assert found.number == 1000


def test_a_row_counts_the_simulations_of_its_own_observation(cell, monkeypatch):
    monkeypatch.setattr(scoring, "_seconds_each", lambda *_: 1.0)
    [first, second] = run_cell(replace(cell, observations=(1, 2), metrics=("ppc",)))
    assert first["num_predictive"] == second["num_predictive"] == 50
    assert first["ppc"] > 0


def test_counting_leaves_the_task_alone():
    task = tasks.get("two_moons")
    made = simulate(task, 20, 0)
    counting = Predictive(task, made, 0).counting()
    assert torch.equal(counting.simulate(made.theta, seed=1), task.simulate(made.theta, seed=1))
    counting.observation(1)
    assert (Predictive.made(counting), type(counting)) == (20, type(task))


def test_a_line_about_a_slow_simulator_is_said_once():
    progress = Progress(Console(file=io.StringIO(), width=200))
    with progress.over(dict.fromkeys("ab"), 1):
        for _ in range(2):
            progress.finished(Outcome("cell", 1, 0, "", 0, float("nan"), 1.0, notes=("slow",)))
    assert progress.console.file.getvalue().count("slow\n") == 1
