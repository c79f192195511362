"""Rows of the observations that are done are kept if another one hangs, or ends the process."""

import time

import pytest

from bench.results.store import Store
from bench.run import inside_worker
from bench.run.grid import read_grid
from bench.run.progress import Progress
from bench.run.run_cell import run_cell
from bench.run.runner import run

pytestmark = pytest.mark.slow


PLUGIN = '''
"""A posterior that fails at one observation."""

import os
import time

import torch
from torch.distributions import Independent, Normal

from methods import Method, Posterior, register_method
from tasks import Task, register_task


@register_task("four")
class Four(Task):
    """Without a reference; the number of an observation is its value."""

    dim_theta, dim_x, num_observations = 1, 1, 4

    def prior(self):
        return Independent(Normal(torch.zeros(1), torch.ones(1)), 1)

    def simulate(self, theta, seed):
        return theta + torch.randn(theta.shape, generator=torch.Generator().manual_seed(seed))

    def observation(self, k):
        return torch.full((1, 1), float(k))


class Kept(Posterior):
    def __init__(self, theta, at, how):
        self.theta, self.at, self.how = theta, at, how

    def sample(self, sample_shape, x):
        if int(x) == self.at:
            if self.how == "dies":
                os._exit(3)
            while self.how == "sleeps":
                time.sleep(0.01)
            while self.how == "deaf":
                try:
                    time.sleep(0.01)
                except BaseException:
                    pass
            time.sleep(float(self.how))
        return self.theta[torch.randint(len(self.theta), sample_shape)]


@register_method("stuck")
class Stuck(Method):
    """Draws of the training data."""

    at: int = 1
    how: str = "sleeps"

    def warm_up(self, device="cpu"):
        pass

    def fit(self, prior, theta, x, device="cpu", seed=0):
        return Kept(theta, self.at, self.how)
'''


@pytest.fixture(scope="module")
def stuck(tmp_path_factory):
    path = tmp_path_factory.mktemp("stuck") / "stuck.py"
    path.write_text(PLUGIN)
    return str(path)


def grid(stuck, **options):
    given = {"task": ["four"], "num_simulations": [60], "num_samples": 30, "plugin": [stuck]}
    return read_grid(None, given | options)


def limited(cell, monkeypatch, seconds):
    """The rows of a cell that has so many seconds in this very process, and the rows that it reported."""
    monkeypatch.setattr(inside_worker, "_deadline", time.monotonic() + seconds)
    reported = []
    with inside_worker.received_by(lambda part: reported.extend(part if isinstance(part, list) else [])):
        rows = run_cell(cell)
    assert [row["num_observation"] for row in rows] == [1, 2, 3, 4]
    return rows, reported


@pytest.mark.parametrize("at", [1, 4])
def test_an_observation_that_hangs_is_interrupted_and_the_others_are_reported(stuck, monkeypatch, at):
    [cell] = grid(stuck, method=[f"stuck[at={at}]"]).cells()
    rows, reported = limited(cell, monkeypatch, 2.5)
    others = {1, 2, 3, 4} - {at}
    assert {row["num_observation"]: row["status"] for row in rows} == dict.fromkeys(others, "ok") | {
        at: "timeout"
    }
    assert "OutOfTimeError: not done after" in rows[at - 1]["error"]
    assert {row["num_observation"] for row in reported} == others


def test_an_observation_that_is_slow_is_done_at_the_end_with_the_same_samples(stuck, monkeypatch):
    [cell] = grid(stuck, method=["stuck[how='1.0']"]).cells()
    rows, reported = limited(cell, monkeypatch, 4.0)  # a first share is 0.8 s, the last one all that is left
    [free] = grid(stuck, method=["stuck[how='0']"]).cells()
    assert [row["status"] for row in rows] == ["ok"] * 4
    assert len(reported) == 3
    for row, other in zip(rows, run_cell(free), strict=True):
        assert row["samples_sha256"] == other["samples_sha256"]
        assert row["ppc"] == other["ppc"]


@pytest.mark.slow
@pytest.mark.subprocess
@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("dies", "error", "exit status 3) while it sampled this observation"),
        ("deaf", "timeout", "not done after 10 s while it sampled this observation"),
        ("sleeps", "timeout", "not done after"),
    ],
)
def test_good_rows_of_a_cell_are_kept_whatever_happens_at_one_observation(
    tmp_path, stuck, how, status, reason
):
    limit = 10.0  # seconds, of which each of four observations has two; alone it takes a twentieth of one
    settings = grid(stuck, method=[f"stuck[at=2,how={how}]"], cell_timeout=limit, out=str(tmp_path / "out"))
    summary = run(settings.cells(), Store(settings.out), settings.options, Progress())
    assert (summary.ran, summary.failed) == (1, 1)
    rows = Store(settings.out).read().set_index("num_observation")
    assert rows["status"].to_dict() == {1: "ok", 2: status, 3: "ok", 4: "ok"}
    assert reason in rows.loc[2, "error"]
