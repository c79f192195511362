import math

import pandas as pd
import pytest
import torch

import methods
import tasks
from bench.errors import UsageError
from bench.results.published import read_published
from bench.studies.exact_score import EXPERIMENTS, exact_score
from bench.studies.exact_score.bimodal import SETTINGS, bimodal_1d
from bench.studies.exact_score.comparison import beside_published
from bench.studies.exact_score.elliptic_pde import elliptic_pde
from bench.studies.exact_score.measurement import Measurement, draw, kernel_spec
from bench.studies.exact_score.student_t import student_t_mixture
from tasks.closed_form.student_t_mixture import CONDITIONS


def frame(figures):
    return pd.DataFrame(list(figures), columns=list(Measurement._fields))


def test_the_specification_has_the_papers_variances_and_physical_units():
    method = methods.get(f"exact_score[{kernel_spec(0.005, 0.004, 1e-4, solver='ddim', steps=7)}]")
    assert method.theta_bandwidth == pytest.approx(math.sqrt(0.005), rel=1e-11)
    assert method.x_bandwidth == pytest.approx(math.sqrt(0.0041), rel=1e-11)
    assert not method.standardize
    assert (method.solver, method.steps) == ("ddim", 7)


@pytest.mark.usefixtures("untouched_random_state")
def test_draws_are_seeded():
    task = tasks.get("bimodal_1d")
    theta = torch.linspace(-2, 2, 50)[:, None]
    posterior = methods.get("exact_score").fit(task.prior(), theta, theta.square())
    first = draw(posterior, 5, task.observation(1), "a", 1)
    assert torch.equal(first, draw(posterior, 5, task.observation(1), "a", 1))
    assert not torch.equal(first, draw(posterior, 5, task.observation(1), "a", 2))


def test_bimodal_at_the_papers_setting_is_near_the_published_figure():
    table = frame(bimodal_1d(num_sets=1, configs=["C5"], num_samples=4000))
    figure = table[table["kde"] != "scott"].set_index(["sampler", "quantity"])["value"]
    assert figure["none", "KL(exact||kernel posterior)"] < 0.06
    assert figure["ode", "KL(exact||generated)"] < 0.07
    assert figure["ode", "KL(kernel posterior||generated)"] < 0.01
    assert figure["exact", "KL(exact||generated)"] < 0.01
    # Scott's kernel alone makes more of an error than the paper's whole figure.
    scott = table[(table["kde"] == "scott") & (table["sampler"] == "exact")]
    assert float(scott["value"].iloc[0]) > 0.05


def test_student_t_measures_both_samplers_and_exact_draws_at_all_conditions():
    small = {"num_simulations": 500, "num_labels": 200, "num_samples": 400, "steps": 4}
    table = frame(student_t_mixture("10_10", student="training_steps=10", **small))
    assert (table["experiment"] == "student_t_mixture_10_10").all()
    kl = table[(table["quantity"] == "projection KL") & (table["kde"] == "scott")]
    assert set(kl["sampler"]) == {"network", "ode", "exact"}
    assert set(kl["config"]) == {f"c={c:g}" for c in CONDITIONS}
    assert len(kl) == 9
    assert table["value"].map(math.isfinite).all()


def test_the_pde_experiment_runs_on_any_task_with_a_reference():
    small = {"num_simulations": 500, "num_labels": 200, "num_samples": 200, "steps": 4}
    table = frame(elliptic_pde(observations=[2], student="training_steps=10", task_name="two_moons", **small))
    scored = table[table["quantity"] == "c2st"]
    assert list(scored["sampler"]) == ["network", "ode"]
    assert scored["value"].between(0.4, 1.0).all()
    assert set(table["config"]) == {"all", "observation 2"}


def test_tables_have_ours_beside_every_published_figure():
    quantity = "KL(exact||generated)"
    figures = [
        Measurement("bimodal_1d", "C5", "ode", quantity, "isj", n, v) for n, v in enumerate([0.01, 0.03])
    ]
    table = beside_published(figures)
    assert len(table) == len(read_published("exact_score_paper.csv").query("experiment == 'bimodal_1d'"))
    first = table.iloc[0]
    assert (first["mean"], first["min"], first["max"], first["sets"]) == (0.02, 0.01, 0.03, 2)
    assert first["published"] == 0.0271
    assert (table["sets"].iloc[1:] == 0).all()


def test_published_figures_name_settings_that_are_run():
    known = read_published("exact_score_paper.csv")
    assert not known.duplicated(["experiment", "config", "sampler", "quantity"]).any()
    assert set(known.query("experiment == 'bimodal_1d'")["config"]) == set(SETTINGS)
    conditions = {f"c={c:g}" for c in CONDITIONS} | {"all"}
    assert set(known[known["experiment"].str.startswith("student")]["config"]) == conditions


def test_the_run_writes_every_figure_and_the_table(tmp_path, monkeypatch):
    figure = Measurement("bimodal_1d", "C5", "ode", "KL(exact||generated)", "isj", 0, 0.02)
    monkeypatch.setitem(EXPERIMENTS, "bimodal_1d", lambda num_sets, device: iter([figure] * num_sets))
    seen = []
    tables = exact_score(["bimodal_1d"], num_sets=3, out=tmp_path / "new", report=seen.append)
    assert seen == [figure] * 3
    assert len(pd.read_csv(tmp_path / "new" / "bimodal_1d_sets.csv")) == 3
    stored = pd.read_csv(tmp_path / "new" / "bimodal_1d.csv")
    assert len(stored) == len(tables["bimodal_1d"])
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("bad", [{"experiments": ["bimodal"]}, {"num_sets": 0}])
def test_bad_requests_are_usage_errors(bad):
    with pytest.raises(UsageError):
        exact_score(**bad)
