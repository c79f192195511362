"""The forecast that a dry run prints, and what it is made of."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from bench.clock import machine_speed
from bench.commands.main import cli
from bench.results.schema import COLUMNS
from bench.results.store import Store
from bench.run import forecast as forecast_module
from bench.run import shipped_costs
from bench.run.cost_model import CostModel, through
from bench.run.costs import COST_COLUMNS, COSTS, costs_of, sampling_s
from bench.run.forecast import forecast, makespan, predicted
from bench.run.grid import read_grid

ROOT = Path(__file__).parents[3] / "results"


def grid(**changes):
    options = {"task": ["two_moons", "sir"], "method": ["prior", "rejection_abc"], "observation": [1, 2]}
    return read_grid(None, options | changes).cells()


@pytest.fixture
def cells():
    return grid()


@pytest.fixture
def nothing_shipped(monkeypatch):
    """No costs come with the suite."""
    monkeypatch.setattr(forecast_module, "shipped_costs", lambda: pd.DataFrame(columns=COSTS))


def stored(store, cell, seconds, status="ok", observations=(1, 2), **values):
    row = dict.fromkeys(COLUMNS) | cell.identity() | {"cell": cell.key, "status": status, "cell_s": seconds}
    store.write_cell(cell.key, [row | {"num_observation": k} | values for k in observations])


@pytest.mark.usefixtures("nothing_shipped")
def test_a_method_without_rows_is_counted_apart(tmp_path, cells):
    lines = forecast(cells, Store(tmp_path / "none"), jobs=1)
    assert lines[0] == "to do  two_moons prior n=1000 seed=0: time unknown"
    assert lines[-2:] == [
        "4 cells: 0 done, 4 to do",
        "4 of unknown cost, because no row of their method is known",
    ]
    assert not (tmp_path / "none").exists()


@pytest.mark.usefixtures("nothing_shipped")
def test_the_nearest_past_rows_are_gone_by(tmp_path, cells):
    store = Store(tmp_path)
    moons_prior, moons_abc, sir_prior, sir_abc = cells
    stored(store, moons_prior, 10.0)
    stored(store, moons_abc, 30.0, observations=[1])
    stored(store, sir_abc, 500.0, status="error")
    lines = forecast(cells, store, jobs=2)
    assert lines[:4] == [
        f"done   {moons_prior.label}",
        f"to do  {moons_abc.label}: about 30 s, observations 2",
        f"to do  {sir_prior.label}: about 10 s",
        f"to do  {sir_abc.label}: about 30 s",
    ]
    # 30 s on one job; 10 s, then 30 s on the other.
    assert lines[4:] == ["4 cells: 1 done, 3 to do", "about 0.019 core-hours, 40 s at --jobs 2"]


def test_a_dry_run_changes_no_file(tmp_path, cells):
    store = Store(tmp_path, warn=lambda line: None)
    stored(store, cells[0], 10.0)
    broken = store.cells / f"{cells[1].key}.parquet"
    broken.write_bytes(b"PAR1 rubbish")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    lines = forecast(cells, store, jobs=1)
    assert lines[-2] == "4 cells: 1 done, 3 to do"
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


# Processor seconds of the presets' cells, run on the machine whose benchmark is in the shipped file.
MEASURED = {"smoke": 116.7, "demo": 281.0}


@pytest.mark.parametrize("preset", MEASURED)
def test_presets_are_predicted_within_a_factor_of_two_in_an_empty_directory(preset, tmp_path, monkeypatch):
    content = json.loads(shipped_costs.FILE.read_text())
    monkeypatch.setattr(shipped_costs, "machine_s", lambda: content["machine_s"])
    words = ["run", preset, "--dry-run", "--out", str(tmp_path / "none")]
    result = CliRunner().invoke(cli, words, standalone_mode=False)
    assert "unknown" not in result.output
    [hours] = re.findall(r"about ([\d.]+) core-hours", result.output)
    assert 0.5 < float(hours) * 3600 / MEASURED[preset] < 2


def test_a_slower_machine_takes_longer(monkeypatch):
    content = json.loads(shipped_costs.FILE.read_text())
    tables = []
    for factor in (1, 3):
        monkeypatch.setattr(shipped_costs, "machine_s", lambda factor=factor: factor * content["machine_s"])
        tables.append(shipped_costs.shipped_costs())
    assert np.allclose(tables[1]["scoring_s"], 3 * tables[0]["scoring_s"])
    assert tables[1]["num_simulations"].equals(tables[0]["num_simulations"])


def test_the_benchmark_is_short_and_leaves_random_numbers_alone(untouched_random_state):
    machine_speed.machine_s.cache_clear()
    assert 0.001 < machine_speed.machine_s() < 1.0


def test_the_shipped_file_is_made_from_rows(tmp_path):
    file = tmp_path / "costs.json"
    number = shipped_costs.write_shipped_costs([ROOT / "demo", ROOT / "studies" / "one_pass"], file)
    content = json.loads(file.read_text())
    assert number == len(content["costs"]) >= 20
    assert content["machine_s"] > 0
    keys = [tuple(line[:5]) for line in content["costs"]]
    assert ("sir", "npe", "{}", 1000, 2000) in keys
    assert len(set(keys)) == len(keys)
    assert [file.name for file in tmp_path.iterdir()] == ["costs.json"]


def rows(**values):
    row = dict.fromkeys(COST_COLUMNS) | {"cell": "a", "status": "ok", "device": "cpu", "task": "sir"}
    row |= {"method": "npe", "params": "{}", "num_simulations": 1000, "num_posterior_samples": 100}
    row |= {"simulate_s": 1.0, "train_s": 10.0, "sample_s": 0.1, "cell_s": 40.0, "threads": 1}
    lines = [row | {"num_observation": k} | values for k in (1, 2)]
    kinds = dict.fromkeys(["num_calibration", "cell_cpu_s", "foreign_load"], float)
    return pd.DataFrame(lines).astype(kinds)


@pytest.mark.parametrize(
    ("values", "cores", "ratio"),
    [
        ({}, None, 1.0),
        ({"cell_cpu_s": 20.0}, None, 0.5),
        ({"foreign_load": 2.0}, 2, 2 / 3),  # three programs on two cores
        ({"foreign_load": 0.0}, 2, 1.0),
        ({"cell_cpu_s": 20.0, "foreign_load": 2.0}, 2, 0.5),
    ],
)
def test_a_cell_is_taken_apart_in_processor_time(values, cores, ratio):
    [cost] = costs_of(rows(**values), cores=cores).to_dict("records")
    assert [cost[name] for name in ("simulate_s", "train_s", "sample_s")] == pytest.approx(
        [ratio, 10 * ratio, 0.1 * ratio]
    )
    whole = cost["simulate_s"] + cost["train_s"] + 2 * (sampling_s(cost["sample_s"]) + cost["scoring_s"])
    assert whole == pytest.approx(40 * ratio)


@pytest.mark.parametrize("values", [{"status": "error"}, {"device": "cuda"}, {"num_calibration": 200.0}])
def test_rows_that_tell_another_story_do_not_count(values):
    assert costs_of(rows(**values)).empty


def test_budgets_are_interpolated_in_logarithms():
    points = [(100, 1.0), (1000, 4.0), (10_000, 4.0)]
    assert through(points, 316.2278, 0.5) == pytest.approx(2.0, rel=1e-5)
    assert through(points, 100_000, 0.5) == pytest.approx(4.0)
    assert through([(100, 1.0), (1000, 1000.0)], 10_000, 0.5) == pytest.approx(1000 * 10**1.5)  # not steeper
    assert through([(100, 5.0), (1000, 1.0)], 10_000, 0.5) == pytest.approx(1.0)  # nor downwards


def costs(*lines):
    return pd.DataFrame(lines, columns=COSTS)


def test_a_method_without_rows_of_the_task_gets_its_mean_over_tasks(cells):
    model = CostModel(
        [
            costs(
                ["slcp", "prior", "{}", 1000, 10_000, 0.0, 4.0, 0.0, 7.0],
                ["gaussian_mixture", "prior", "{}", 1000, 10_000, 0.0, 16.0, 0.0, 7.0],
            )
        ]
    )
    cost = model.cost(cells[0], "{}")
    assert cost.fit_and_sample_s == pytest.approx(8.0, rel=1e-3)
    assert cost.scoring_s == pytest.approx(14.0)  # two observations
    assert model.cost(cells[1], "{}") is None


def test_own_rows_count_before_those_that_are_shipped(cells):
    own = costs(["two_moons", "prior", "{}", 1000, 10_000, 0.0, 2.0, 0.0, 1.0])
    shipped = own.assign(train_s=50.0)
    assert CostModel([own, shipped]).cost(cells[0], "{}").fit_and_sample_s == pytest.approx(2.0, rel=1e-3)


def test_simulating_counts_once_and_no_classifiers_take_less(tmp_path, monkeypatch):
    own = costs(
        ["sir", "prior", "{}", 1000, 10_000, 100.0, 1.0, 0.0, 50.0],
        ["sir", "rejection_abc", "{}", 1000, 10_000, 0.0, 1.0, 0.0, 50.0],
    )
    model, cells = CostModel([own]), grid(task="sir")
    monkeypatch.setattr(forecast_module, "_tables", lambda store, device: [own])
    first, second = predicted(cells, Store(tmp_path)).values()
    assert first.fit_and_sample_s == pytest.approx(second.fit_and_sample_s + 100.0)
    cell, quick = grid(task="sir", method="prior"), grid(task="sir", method="prior", metrics=["mmd2"])
    assert model.cost(quick[0], "{}").scoring_s < model.cost(cell[0], "{}").scoring_s / 5


def test_a_gpu_has_no_shipped_costs(tmp_path, cells, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    found = predicted(grid(device="cuda"), Store(tmp_path))
    assert set(found.values()) == {None}


def test_jobs_take_the_next_cell_when_they_are_free():
    assert makespan([5.0, 1.0, 1.0, 1.0], jobs=2) == 5.0
    assert makespan([1.0, 1.0, 1.0, 5.0], jobs=2) == 6.0
    assert makespan([], jobs=3) == 0.0
