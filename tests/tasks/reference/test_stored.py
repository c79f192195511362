"""Stored reference posteriors compared with the likelihood, independently of their certificates."""

import pytest
import torch
from torch.distributions import MultivariateNormal

import tasks

# Posteriors near enough to a normal for importance sampling from a wider one.
NEARLY_NORMAL = ["elliptic_pde", pytest.param("elliptic_pde_16", marks=pytest.mark.slow), "lorenz63"]


@pytest.mark.parametrize("k", [1, 7])
@pytest.mark.parametrize("name", NEARLY_NORMAL)
def test_importance_weights_leave_the_moments_alone(name, k):
    task = tasks.get(name)
    reference = task.reference_samples(k).double()
    mean, std = reference.mean(0), reference.std(0)
    proposal = MultivariateNormal(mean, covariance_matrix=1.3 * torch.cov(reference.T))
    torch.manual_seed(k)
    theta = proposal.sample((2500,))
    theta = theta[task.prior().support.check(theta)]
    log_p = task.log_likelihood(theta, task.observation(k)) + task.prior().log_prob(theta)
    weights = torch.softmax(log_p - proposal.log_prob(theta), 0)[:, None]
    effective = 1.0 / float((weights**2).sum())
    assert effective > 100
    weighted_mean = (weights * theta).sum(0)
    weighted_std = (weights * (theta - weighted_mean) ** 2).sum(0).sqrt()
    # Bounds in standard errors; heavier tails than a normal's increase the error of a standard deviation.
    assert ((weighted_mean - mean) / std).abs().max() < 4.5 / effective**0.5
    assert (weighted_std / std - 1.0).abs().max() < 4.5 / effective**0.5
