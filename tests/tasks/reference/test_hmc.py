"""Hamiltonian Monte Carlo on known densities."""

import numpy as np
import pytest
import torch
from scipy.stats import gamma, kstest

from tasks.reference.diagnostics import bulk_ess, rank_rhat
from tasks.reference.hmc import run_hmc, whitening

FACTOR = np.array([[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [-3.0, 0.5, 2.0]])
PRECISION = np.linalg.inv(FACTOR @ FACTOR.T)
MEAN = np.array([1.0, -2.0, 0.5])
RARE = 1e-4  # probability that a correct result fails, at any seed


def correlated_normal(u):
    return -0.5 * (u - MEAN) @ PRECISION @ (u - MEAN), -PRECISION @ (u - MEAN)


def log_gamma(u):
    """Log density of log g for g ~ Gamma(3, 1), which is skewed, and its gradient."""
    return 3.0 * float(u[0]) - float(np.exp(u[0])), 3.0 - np.exp(u)


def test_whitening_a_normal_finds_its_mean_and_covariance():
    mode, factor = whitening(correlated_normal, np.zeros(3))
    np.testing.assert_allclose(mode, MEAN, atol=1e-4)
    np.testing.assert_allclose(factor @ factor.T, FACTOR @ FACTOR.T, rtol=1e-4)


def test_a_direction_that_is_not_concave_keeps_its_scale():
    _, factor = whitening(lambda u: (-0.5 * u[0] ** 2, np.array([-u[0], 0.0])), np.zeros(2))
    np.testing.assert_allclose(factor @ factor.T, np.eye(2), atol=1e-6)


def test_draws_of_a_correlated_normal():
    plan = {"num_chains": 4, "num_kept": 500, "thin": 1, "warm_up": 50}
    before = torch.get_rng_state()
    run = run_hmc(correlated_normal, np.zeros(3), **plan, seed=1)
    assert torch.equal(before, torch.get_rng_state())
    assert run.draws.shape == (4, 500, 3)
    assert run.num_divergent == 0
    flat = run.draws.reshape(-1, 3)
    covariance = FACTOR @ FACTOR.T
    sd = np.sqrt(np.diagonal(covariance))
    # 4.5 standard errors of 800 independent draws: 1 / sqrt(800) for a mean, sqrt(2 / 800) for a variance.
    np.testing.assert_allclose((flat.mean(0) - MEAN) / sd, 0.0, atol=0.159)
    np.testing.assert_allclose(np.cov(flat.T) / np.outer(sd, sd), covariance / np.outer(sd, sd), atol=0.225)
    chains = torch.from_numpy(run.draws)
    assert rank_rhat(chains).max() < 1.02
    assert bulk_ess(chains).min() > 800  # four seeds gave 1240 to 1630
    small = {"num_chains": 1, "num_kept": 20, "thin": 2, "warm_up": 10}
    again = [run_hmc(correlated_normal, np.zeros(3), **small, seed=seed).draws for seed in (3, 3, 4)]
    assert np.array_equal(again[0], again[1])
    assert not np.array_equal(again[0], again[2])


def test_draws_of_a_skewed_density():
    run = run_hmc(log_gamma, np.zeros(1), num_chains=2, num_kept=400, thin=2, warm_up=50, seed=2)
    assert kstest(np.exp(run.draws.ravel()), gamma(3.0).cdf).pvalue > RARE


def test_gradients_are_counted():
    calls = []

    def counted(u):
        calls.append(u)
        return correlated_normal(u)

    run = run_hmc(counted, np.zeros(3), num_chains=1, num_kept=10, thin=1, warm_up=5, seed=0)
    assert run.num_gradients == pytest.approx(len(calls))
