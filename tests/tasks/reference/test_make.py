"""Making a reference: a posterior that is known, with every sampler; and what misses a threshold."""

import math

import pytest
import torch
from scipy.stats import kstest, norm
from torch.distributions import Independent, Normal

from tasks.contract.base import Card
from tasks.reference import make, runs
from tasks.reference.make import MakeReferenceError, make_reference
from tasks.stored import files as store
from tasks.tools.signal_task import SignalTask

VARIANCE = 1.0 / (1.0 + 1.0 / 0.25)  # prior N(0, 1), noise N(0, 0.5²)


class Line(SignalTask):
    """Theta itself, in noise: the posterior is N(x / 1.25, 0.2), the evidence N(x; 0, 1.25)."""

    name = "line"
    dim_theta = dim_x = 1
    noise_sd = 0.5
    num_observations = 2
    card = Card(summary="s", noise="n", reference="r", certificate="c", citation="c")

    def prior(self):
        return Independent(Normal(torch.zeros(1), torch.ones(1)), 1)

    def signal(self, theta):
        return theta.double()

    def log_likelihood_gradient(self, theta, x):
        z = (x - theta) / 0.5
        return float(-0.5 * z @ z - math.log(0.5 * math.sqrt(2 * math.pi))), z / 0.5


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(store, "FOLDER", tmp_path)
    monkeypatch.setattr(make, "POOL", 5000)
    monkeypatch.setattr(make, "TIMED", 10)
    store.read_reference.cache_clear()
    yield tmp_path
    store.read_reference.cache_clear()


@pytest.mark.parametrize("sampler", ["grid", "metropolis", "hmc"])
def test_a_sampler_draws_from_the_posterior(sampler, monkeypatch):
    if sampler == "hmc":
        monkeypatch.setattr(runs, "KEPT", 20)
        monkeypatch.setattr(runs, "WARM_UP", 30)
    task = Line()
    prior = runs.PriorDraws(task, 5000, seed=1)
    x_o = torch.tensor([[0.8]])
    run = runs.SAMPLERS[sampler](task, prior.coordinates, x_o, prior.at(x_o), 2)
    exact = norm(0.8 / 1.25, math.sqrt(VARIANCE))
    assert kstest(run.draws[:: max(1, len(run.draws) // 500), 0].numpy(), exact.cdf).pvalue > 1e-4
    error = 4.5 * run.log_evidence_se + 1e-3
    assert run.log_evidence == pytest.approx(norm(0, math.sqrt(1.25)).logpdf(0.8), abs=error)


def test_made_checked_and_stored(folder, monkeypatch):
    monkeypatch.setattr(Line, "reference_by", "grid")
    said = []
    make_reference(Line(), lambda one, other: 0.5, said.append)
    assert sorted(path.name for path in folder.iterdir()) == ["line.json", "line.npz"]
    assert len(said) == 3
    certificate = store.read_certificate("line")
    assert certificate["sha256"] == store.fingerprint("line")
    assert [row["num_observation"] for row in certificate["observations"]] == [1, 2]
    task = Line()
    draws, x_o = task.reference_samples(2), task.observation(2)
    assert draws.shape == (10_000, 1)
    assert float(draws.mean()) == pytest.approx(float(x_o) / 1.25, abs=4.5 * math.sqrt(VARIANCE / 10_000))
    assert float(draws.var()) == pytest.approx(VARIANCE, rel=4.5 * math.sqrt(2 / 10_000))


def test_what_misses_a_threshold_is_named_and_not_stored(folder, monkeypatch):
    monkeypatch.setattr(Line, "reference_by", "grid")
    with pytest.raises(MakeReferenceError, match=r"nothing written.*1: \['c2st'\]"):
        make_reference(Line(), lambda one, other: 0.6, lambda text: None)
    assert not list(folder.iterdir())


def test_a_task_without_gradient_cannot_have_it(monkeypatch):
    class NoGradient(Line):
        log_likelihood_gradient = None

    prior = runs.PriorDraws(NoGradient(), 100, seed=1)
    x_o = torch.zeros(1, 1)
    with pytest.raises(TypeError, match="log_likelihood_gradient"):
        runs.SAMPLERS["hmc"](NoGradient(), prior.coordinates, x_o, prior.at(x_o), 2)
