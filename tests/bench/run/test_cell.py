import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import tasks
from bench.metrics import C2ST, MetricError, metric_class
from bench.results.schema import COLUMNS
from bench.results.store import Store, done
from bench.run.cell import Cell
from bench.run.plugins import load_plugin
from bench.run.run_cell import run_cell
from bench.run.simulation_cache import simulate
from tasks.contract.seeding import derive_seed

CALIBRATION = {"sbc_ks", "coverage_error", "tarp_ece", "sbc_curve", "coverage_curve", "tarp_curve"}


@pytest.fixture
def cell():
    return Cell("two_moons", "rejection_abc", 200, 0, 100, "cpu", observations=(1, 2))


def test_a_row_for_each_observation_with_every_column(cell):
    rows = run_cell(cell)
    assert [row["num_observation"] for row in rows] == [1, 2]
    for row in rows:
        assert list(row) == COLUMNS
        assert row["status"] == "ok"
        assert row["num_posterior_samples"] == 100
        assert 0.5 < row["c2st"] <= 1.0
        assert row["c2st_se"] > 0
        assert row["peak_memory_mb"] > 10
        assert json.loads(row["params"]) == {"num_accepted": 100, "kde": True}
        missing = {name for name, value in row.items() if value is None}
        # two_moons has no normal posterior; `scorebench time` alone gives `sample_s_raw`, GPUs alone energy.
        absent = {"gaussian_kl", "gaussian_w2", "sample_s_raw", "energy_j", "num_calibration"}
        absent |= {"num_calibration_finite", "metric_errors", "invalid"}
        assert missing == absent | set(CALIBRATION)


@pytest.mark.slow
def test_results_repeat_and_do_not_depend_on_the_other_observations(cell):
    names = ("c2st", "mmd2", "sliced_w2", "outside_prior")
    cell = replace(cell, metrics=names)
    both, alone = run_cell(cell), run_cell(cell.only({2}))
    for name in names:
        assert both[1][name] == alone[0][name]
    assert cell.key == cell.only({2}).key


@pytest.mark.usefixtures("quick_classifiers")
def test_calibration_is_the_same_in_all_rows_and_no_part_of_the_key(cell):
    calibrated = replace(cell, method="exact_score[steps=10]", calibration=100)
    first, second = run_cell(calibrated)
    assert first["status"] == "ok"
    assert first["num_calibration"] == 100
    assert all(first[name] == second[name] is not None for name in CALIBRATION)
    assert calibrated.key == replace(calibrated, calibration=0).key


@pytest.mark.usefixtures("quick_classifiers")
def test_what_is_not_amortized_is_not_calibrated(cell):
    [row] = run_cell(replace(cell, method="reference", observations=(1,), calibration=100))
    assert row["status"] == "ok"
    assert row["sbc_ks"] is None


def test_the_key_is_the_configuration(cell):
    changed = [
        replace(cell, num_simulations=300),
        replace(cell, seed=1),
        replace(cell, num_samples=101),
        replace(cell, task="sir"),
        replace(cell, method="rejection_abc[kde=false]"),
    ]
    assert len({cell.key, *(other.key for other in changed)}) == 6
    assert replace(cell, method="rejection_abc[num_accepted=100]").key == cell.key
    assert replace(cell, threads=8, timing="shared").key == cell.key


def test_simulations_depend_on_task_budget_and_seed_alone():
    task = tasks.get("two_moons")
    first, again = simulate(task, 50, 0), simulate(task, 50, 0)
    assert torch.equal(first.theta, again.theta)
    assert torch.equal(first.x, again.x)
    assert not torch.equal(first.theta, simulate(task, 50, 1).theta)


def test_every_method_of_a_cell_sees_the_same_simulations(cell, plugin, monkeypatch):
    from methods.rejection_abc.method import RejectionABC
    from methods.sbi.posteriors import NPE

    seen = []

    def remember(self, prior, theta, x, device="cpu", seed=0):
        seen.append((theta, x, seed))
        raise RuntimeError("seen enough")

    monkeypatch.setattr(RejectionABC, "fit", remember)
    monkeypatch.setattr(NPE, "fit", remember)
    run_cell(cell)
    run_cell(replace(cell, method="npe[density_estimator=nsf]", num_samples=7))
    assert all(torch.equal(a, b) for a, b in zip(seen[0][:2], seen[1][:2], strict=True))
    assert seen[0][2] == seen[1][2]


def test_failed_simulations_are_counted_and_dropped(plugin):
    load_plugin(plugin)
    data = simulate(tasks.get("shaky"), 100, 0)
    assert data.num_failed == 10
    assert data.theta.shape == (90, 2)
    assert data.x.isfinite().all()
    [row] = run_cell(Cell("shaky", "same", 100, 0, 50, "cpu", (1,), plugins=(plugin,)))
    assert row["status"] == "ok"
    assert row["num_failed_simulations"] == 10
    assert row["num_extreme_simulations"] == 0
    assert row["c2st"] is None  # no reference


def test_huge_simulations_are_counted_and_kept(plugin):
    """The count is unknown if the simulations are."""
    [row] = run_cell(Cell("huge", "same", 100, 0, 50, "cpu", (1,), plugins=(plugin,)))
    assert (row["num_failed_simulations"], row["num_extreme_simulations"]) == (10, 2)
    [row] = run_cell(Cell("broken_simulator", "same", 20, 0, 50, "cpu", (1,), plugins=(plugin,)))
    assert row["num_extreme_simulations"] is None


def test_all_simulations_failing_is_an_error_row(plugin):
    [row] = run_cell(Cell("broken_simulator", "same", 20, 0, 50, "cpu", (1,), plugins=(plugin,)))
    assert row["status"] == "error"
    assert "20 of 20 simulations of broken_simulator failed" in row["error"]


def test_a_fit_that_raises_is_a_row_for_each_observation(plugin):
    rows = run_cell(Cell("two_moons", "same[raises=true]", 20, 0, 50, "cpu", (1, 3), plugins=(plugin,)))
    assert [row["num_observation"] for row in rows] == [1, 3]
    assert all(row["status"] == "error" and "ValueError: cannot fit" in row["error"] for row in rows)
    assert all(row["simulate_s"] > 0 for row in rows)


@pytest.mark.usefixtures("quick_classifiers")
def test_one_bad_observation_does_not_spoil_the_others(plugin):
    x = [float(tasks.get("sir").observation(k).abs().max()) for k in (1, 2)]
    limit = sum(x) / 2
    rows = run_cell(Cell("sir", f"same[limit={limit}]", 20, 0, 50, "cpu", (1, 2), plugins=(plugin,)))
    assert sorted(row["status"] for row in rows) == ["error", "ok"]


def test_samples_that_are_not_numbers_are_an_error_row(plugin):
    [row] = run_cell(Cell("two_moons", "nan_samples", 20, 0, 50, "cpu", (1,), plugins=(plugin,)))
    assert row["status"] == "error"
    assert "50 of 50 rows are not finite" in row["error"]


@pytest.mark.parametrize(("num_samples", "reason"), [(1, "at least 2"), (4, "at least 5")])
def test_a_metric_that_fails_is_null_with_its_reason(cell, num_samples, reason):
    for row in run_cell(replace(cell, num_samples=num_samples)):
        assert (row["status"], row["error"], row["c2st"]) == ("ok", "", None)
        assert reason in json.loads(row["metric_errors"])["c2st" if num_samples == 4 else "mmd2"]
        assert row["outside_prior"] is not None


def test_a_metric_that_exits_or_changes_global_state_spoils_no_other(cell, monkeypatch):
    def exits(self, draws):
        torch.set_default_dtype(torch.float64)
        raise SystemExit("enough")

    monkeypatch.setattr(metric_class("outside_prior"), "score", exits)
    chosen = replace(cell, observations=(1,), metrics=("outside_prior", "mmd2"))
    [row] = run_cell(chosen)
    assert torch.get_default_dtype() == torch.float32
    assert (row["status"], row["outside_prior"]) == ("ok", None)
    assert json.loads(row["metric_errors"]) == {"outside_prior": "SystemExit: enough"}
    assert row["mmd2"] is not None


def test_samples_outside_the_prior_fail_ppc_alone(plugin, tmp_path):
    [row] = run_cell(Cell("two_moons", "outside", 200, 0, 50, "cpu", (1,), plugins=(plugin,)))
    assert (row["status"], row["outside_prior"], row["ppc"]) == ("ok", 1.0, None)
    assert row["c2st"] == 1.0
    assert json.loads(row["metric_errors"]) == {"ppc": "no sample lies in the prior's support"}
    store = Store(tmp_path)
    store.write_cell(row["cell"], [row])
    assert done(store.state(row["cell"])) == {1}  # so that it is not run again each time


def test_a_calibration_that_fails_leaves_the_accuracy(cell, monkeypatch):
    def fail(*_):
        raise MetricError("too few pairs")

    monkeypatch.setattr("bench.run.scoring.calibration_pairs", fail)
    [row] = run_cell(replace(cell, observations=(1,), calibration=100))
    assert (row["status"], row["sbc_ks"]) == ("ok", None)
    assert row["c2st"] > 0.5
    assert json.loads(row["metric_errors"]) == {"calibration": "too few pairs"}


def test_one_pair_that_cannot_be_scored_leaves_the_others(cell, monkeypatch):
    def picky(pairs, **_):
        if any(len(reference) == 100 and float(reference[0, 0]) == worst for reference, _ in pairs):
            raise RuntimeError("not this one")
        return [C2ST(np.full((1, 5), 0.75))] * len(pairs)

    first = run_cell(cell.only({1}))
    for name in ("c2st", "c2st_es"):
        monkeypatch.setattr(metric_class(name), "test", lambda self, pairs, device: picky(pairs))
    generator = torch.Generator().manual_seed(derive_seed("reference order", "two_moons", 200, 0, 1))
    worst = float(
        tasks.get("two_moons").reference_samples(1)[torch.randperm(10_000, generator=generator)][0, 0]
    )
    bad, good = run_cell(cell)
    assert first[0]["c2st"] is not None
    assert (bad["status"], bad["c2st"], good["c2st"]) == ("ok", None, 0.75)
    assert json.loads(bad["metric_errors"])["c2st"] == "RuntimeError: not this one"
    assert bad["mmd2"] is not None


@pytest.mark.usefixtures("quick_classifiers")
def test_a_row_knows_its_sources_and_what_was_changed(plugin):
    [row] = run_cell(Cell("two_moons", "same[limit=1e8]", 20, 0, 50, "cpu", (1,), plugins=(plugin,)))
    assert json.loads(row["changed_params"]) == {"limit": 1e8}
    assert len(row["task_sha256"]) == len(row["method_sha256"]) == 64


def test_samples_of_a_wrong_shape_are_an_error_row(plugin):
    [row] = run_cell(Cell("two_moons", "too_few", 20, 0, 50, "cpu", (1,), plugins=(plugin,)))
    assert row["status"] == "error"
    assert "shape (49, 2), not (50, 2)" in row["error"]


def test_the_reference_is_the_noise_floor():
    [row] = run_cell(Cell("gaussian_mixture", "reference", 10, 0, 2000, "cpu", (1,)))
    assert 0.46 < row["c2st"] < 0.54
    assert abs(row["mmd2"]) < 2e-3
    assert row["num_posterior_samples"] == 2000


@pytest.mark.usefixtures("quick_classifiers")
def test_the_reference_has_only_half_of_its_draws_to_give():
    [row] = run_cell(Cell("gaussian_mixture", "reference", 10, 0, 8000, "cpu", (1,)))
    assert row["num_posterior_samples"] == 5000
