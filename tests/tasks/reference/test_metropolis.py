"""Adaptation of the proposal, and chains, on known posteriors."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from tasks.reference.diagnostics import bulk_ess, rank_rhat
from tasks.reference.metropolis import CHAINS, KEPT, log_mean_exp, sample_posterior
from tasks.reference.proposal import Mixture, Pool, effective

PRIOR_SD = np.array([1.0, 0.5])


def run(log_likelihood, seed=1, **options):
    theta = Mixture.of_prior(PRIOR_SD).sample(5000, np.random.default_rng(seed))
    return sample_posterior(log_likelihood, PRIOR_SD, Pool(theta, log_likelihood(theta)), seed, **options)


def test_a_normal_posterior_and_its_evidence():
    noise, x_o = np.array([0.2, 0.1]), np.array([1.3, -0.7])

    def log_likelihood(theta):
        return -0.5 * (((x_o - theta) / noise) ** 2).sum(1) - np.log(2 * np.pi * noise.prod())

    result = run(log_likelihood)
    draws = result.draws.reshape(-1, 2)
    variance = 1 / (1 / PRIOR_SD**2 + 1 / noise**2)
    # 4.5 standard errors of 5000 independent draws; the run is worth more than that.
    z = (draws.mean(0) - variance * x_o / noise**2) / np.sqrt(variance)
    np.testing.assert_allclose(z, 0.0, atol=0.064)
    np.testing.assert_allclose(draws.std(0), np.sqrt(variance), rtol=0.045)
    exact = multivariate_normal(np.zeros(2), np.diag(PRIOR_SD**2 + noise**2)).logpdf(x_o)
    assert result.log_evidence == pytest.approx(exact, abs=5 * result.log_evidence_se)
    assert result.draws.shape == (CHAINS, KEPT, 2)
    assert result.acceptance > 0.7
    chains = torch.from_numpy(result.draws)
    assert rank_rhat(chains).max() < 1.01
    assert bulk_ess(chains).min() > 5000


def test_two_narrow_modes_keep_their_shares():
    """The modes have unequal weights, and their distance is many times their width."""
    places = np.array([[-1.0, 0.5], [1.2, -0.4]])
    log_shares = np.log([0.2, 0.8])

    def log_likelihood(theta):
        z = ((theta[:, None] - places) / 0.05) ** 2
        return logsumexp(log_shares - 0.5 * z.sum(-1), axis=1)

    draws = run(log_likelihood).draws
    prior = multivariate_normal(np.zeros(2), np.diag(PRIOR_SD**2 + 0.05**2)).pdf(places)
    exact = (np.exp(log_shares) * prior)[0] / (np.exp(log_shares) * prior).sum()
    assert (draws[..., 0] < 0.0).mean() == pytest.approx(exact, abs=4.5 * np.sqrt(exact * (1 - exact) / 5000))


def test_fewer_kept_states_repeat_less():
    """The target is a ring, which a mixture of a few normals does not fit."""

    def log_likelihood(theta):
        return -0.5 * ((np.hypot(*theta.T) - 0.8) / 0.01) ** 2

    runs = [run(log_likelihood, thin=thin).draws for thin in (1, 4, 12)]
    repeated = np.array([(np.diff(draws, axis=1) == 0.0).mean((1, 2)) for draws in runs])
    mean, error = repeated.mean(1), repeated.std(1, ddof=1) / np.sqrt(CHAINS)
    assert mean[0] > 0.3
    for often, seldom in ((0, 1), (1, 2)):
        assert mean[often] - mean[seldom] > 4.0 * np.hypot(error[often], error[seldom])


def test_the_same_seed_gives_the_same_run():
    def log_likelihood(theta):
        return -0.5 * ((theta - 0.3) ** 2).sum(1) / 0.1**2

    first, again, other = (run(log_likelihood, seed=seed, thin=1).draws for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_density_of_a_mixture():
    rng = np.random.default_rng(0)
    mixture = Mixture.fitted(rng.standard_normal((500, 2)) @ [[1.0, 0.4], [0.0, 0.3]], PRIOR_SD, seed=0)
    theta = mixture.sample(200, rng)
    density = sum(
        share * multivariate_normal(mean, factor @ factor.T).pdf(theta)
        for share, mean, factor in zip(mixture.shares, mixture.means, mixture.factors, strict=True)
    )
    np.testing.assert_allclose(np.exp(mixture.log_prob(theta)), density, rtol=1e-9)
    assert mixture.shares.sum() == pytest.approx(1.0)


def test_a_mean_of_weights_and_its_error():
    log_w = np.log([1.0, 2.0, 3.0, 6.0])
    mean, error = log_mean_exp(log_w)
    assert np.exp(mean) == pytest.approx(3.0)
    assert error == pytest.approx(np.std([1, 2, 3, 6]) / 3.0 / 2.0)
    assert effective(np.zeros(7)) == pytest.approx(7.0)
