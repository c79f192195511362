"""The stored reference posterior of ``elliptic_pde`` keeps what its certificate says."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torch.distributions import MultivariateNormal

from tasks.elliptic_pde import EllipticPDE
from tasks.reference.diagnostics import bulk_ess, rank_rhat
from tasks.reference.elliptic_pde import THRESHOLDS, failures
from tasks.reference.store import fingerprint, read_certificate

CERTIFICATE = read_certificate("elliptic_pde")


@pytest.fixture
def task():
    return EllipticPDE()


@pytest.fixture(params=CERTIFICATE["observations"], ids=lambda row: f"observation {row['num_observation']}")
def row(request):
    return request.param


def test_the_certificate_is_about_these_draws_and_this_task(task):
    assert CERTIFICATE["sha256"] == fingerprint("elliptic_pde")
    assert CERTIFICATE["task_version"] == task.version
    assert CERTIFICATE["thresholds"] == THRESHOLDS
    assert [row["num_observation"] for row in CERTIFICATE["observations"]] == list(range(1, 11))
    assert task.card.certificate == CERTIFICATE["verdict"]


def test_every_threshold_is_kept(row):
    assert failures(row) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("rhat_max", 1.011), ("ess_bulk_min", 1999.0), ("c2st", 0.53), ("c2st", None), ("evidence_z", 4.1)],
)
def test_a_threshold_that_is_missed_is_named(field, value):
    good = {"rhat_max": 1.001, "ess_bulk_min": 5000.0, "c2st": 0.501, "evidence_z": 1.0}
    assert failures(good) == []
    assert failures(good | {field: value}) == [field]
    assert failures(dict.fromkeys(good, float("nan"))) == ["rhat_max", "ess_bulk_min", "evidence_z", "c2st"]


def test_the_stored_draws_have_the_diagnostics_of_the_certificate(task, row):
    draws = task.reference_samples(row["num_observation"])
    assert draws.isfinite().all()
    chains = draws.reshape(-1, CERTIFICATE["num_chains"], 4).transpose(0, 1)
    assert chains.shape[:2].numel() == CERTIFICATE["num_draws"] == 10_000
    assert rank_rhat(chains).max() < THRESHOLDS["rhat_max"]
    assert float(bulk_ess(chains).min()) == pytest.approx(row["ess_bulk_min"], rel=0.01)


@pytest.mark.parametrize("k", [1, 4, 7, 10])
def test_importance_weights_leave_the_moments_alone(task, k):
    """Draws of a wide normal, weighted by the true solver's posterior."""
    reference = task.reference_samples(k).double()
    mean, std = reference.mean(0), reference.std(0)
    proposal = MultivariateNormal(mean, covariance_matrix=1.6 * torch.cov(reference.T))
    torch.manual_seed(k)
    theta = proposal.sample((2500,))
    log_p = task.log_likelihood(theta, task.observation(k)) + task.prior().log_prob(theta)
    weights = torch.softmax(log_p - proposal.log_prob(theta), 0)[:, None]
    effective = 1.0 / float((weights**2).sum())
    assert effective > 400
    weighted_mean = (weights * theta).sum(0)
    weighted_std = (weights * (theta - weighted_mean) ** 2).sum(0).sqrt()
    assert ((weighted_mean - mean) / std).abs().max() < 4.0 / effective**0.5
    assert (weighted_std / std - 1.0).abs().max() < 4.0 / effective**0.5


def test_true_parameters_are_unremarkable_under_their_posteriors(task):
    """Theta and x are drawn jointly, so the truth's rank in its posterior is uniform."""
    ranks = [(task.reference_samples(k) < task.true_theta(k)).float().mean(0).numpy() for k in range(1, 11)]
    assert kstest(np.concatenate(ranks), "uniform").pvalue > 0.01


def test_the_posterior_predictive_is_centred_on_the_observation(task):
    for k in (2, 6):
        pressure = task.pressure(task.reference_samples(k)[:500])
        z = (task.observation(k) - pressure.mean(0)) / 0.0025
        assert z.abs().max() < 4.0
