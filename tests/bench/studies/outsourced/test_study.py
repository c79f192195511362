import pandas as pd
import pytest

import tasks
from bench.commands.arguments import digits_tasks
from bench.errors import UsageError
from bench.studies.outsourced.study import outsourced_study
from methods.outsourced import Outsourced

QUICK = {
    "training_steps": 2,
    "balance_steps": 60,
    "num_observations": 5,
    "width": 8,
    "num_labels": 100,
    "student_steps": 2,
}


@pytest.mark.slow
def test_table_and_figures_are_written(tmp_path, monkeypatch):
    names = ["digits_label", "digits_prior"]
    for name in names:
        monkeypatch.setattr(type(tasks.get(name)), "num_observations", 2)
    said = []
    table = outsourced_study(
        digits_tasks(names),
        tmp_path,
        said.append,
        num_simulations=100,
        num_samples=20,
        method=Outsourced(reward="likelihood", **QUICK),
    )
    samplers = [
        "reference",
        "outsourced",
        "outsourced, unweighed",
        "outsourced, distilled",
        "hmc",
        "random_walk",
    ]
    assert table["sampler"].tolist() == 2 * samplers
    # Training takes sixty steps of five observations with eight trajectories each, for two observations;
    # sampling takes four candidates for each of 20 samples.
    assert table["reward_calls"].tolist() == 2 * [0, 1280, 1200, 1200, 1280, 1280]
    assert table["right"].notna().tolist() == 6 * [True] + 6 * [False]
    assert "digits_label: 2400 reward calls in training; 1280 for the chains of each observation" in said
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "samplers.csv"), table)
    written = {path.name for path in (tmp_path / "figures").iterdir()}
    assert written == {f"outsourced_{name}.{suffix}" for name in names for suffix in ("png", "pdf")}


def test_a_task_of_another_prior_is_named():
    with pytest.raises(UsageError, match="the prior of slcp is not a generator of digits; tasks with one"):
        digits_tasks(["digits_label", "slcp"])
