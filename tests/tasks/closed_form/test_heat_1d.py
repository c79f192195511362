"""The rod's exact posterior compared with an independent solver, with autograd and with exact draws."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import expm

import tasks


@pytest.fixture(params=["heat_1d", "heat_1d_20", "heat_1d_80"])
def task(request):
    return tasks.get(request.param)


def test_the_signal_solves_the_heat_equation():
    """The signal is compared with the matrix exponential of second differences on a grid of 640 cells."""
    task, cells = tasks.get("heat_1d"), 640
    theta = torch.randn(3, 5, generator=torch.Generator().manual_seed(0)).double()
    x = np.arange(1, cells) / cells
    k = np.pi * np.arange(1, 6)
    start = (np.sqrt(2) / k * np.sin(x[:, None] * k)) @ theta.numpy().T
    laplace = (np.diag(np.full(cells - 2, 1.0), 1) + np.diag(np.full(cells - 2, 1.0), -1)) * cells**2
    laplace -= 2.0 * cells**2 * np.eye(cells - 1)
    rows = np.arange(1, 16) * cells // 16 - 1
    for number, time in enumerate((0.002, 0.02)):
        want = (expm(time * laplace) @ start)[rows].T
        got = task.signal(theta)[:, 15 * number : 15 * (number + 1)]
        np.testing.assert_allclose(got, want, atol=1e-5)


def test_the_posterior_is_prior_times_likelihood(task):
    """Log posterior and log prior plus log likelihood differ by a constant, the log evidence."""
    exact, x_o = task.gaussian_posterior(3), task.observation(3)
    theta = exact.sample((20,))
    joint = task.log_likelihood(theta, x_o) + task.prior().log_prob(theta)
    evidence = joint - exact.log_prob(theta)
    torch.testing.assert_close(evidence, evidence[:1].expand(20), rtol=0, atol=1e-6)


def test_exact_draws_have_the_posteriors_moments(task):
    exact, draws = task.gaussian_posterior(2), task.reference_samples(2).double()
    z = (draws.mean(0) - exact.mean) / exact.stddev * 100
    assert z.abs().max() < 4.5
    assert (draws.std(0) / exact.stddev - 1).abs().max() < 0.04


def test_high_modes_keep_their_prior():
    exact = tasks.get("heat_1d_80").gaussian_posterior(1)
    assert exact.stddev[0] < 0.1
    assert exact.stddev[30:].min() > 0.99


def test_quantiles_are_those_of_the_marginals(task):
    levels = torch.tensor([0.1, 0.5, 0.9])
    exact = task.gaussian_posterior(1)
    quantiles = task.marginal_quantiles(1, levels)
    torch.testing.assert_close(quantiles[1], exact.mean)
    torch.testing.assert_close(
        (quantiles[2] - quantiles[0]) / exact.stddev, torch.full_like(exact.mean, 2.563), atol=1e-3, rtol=0
    )


def test_true_parameters_are_unremarkable_under_the_posterior(task):
    """The squared Mahalanobis distance is chi-square with ``dim_theta`` degrees of freedom."""
    distances = []
    for k in range(1, 11):
        exact = task.gaussian_posterior(k)
        d = (task.true_theta(k)[0].double() - exact.mean) @ exact.precision_matrix
        distances.append(float(d @ (task.true_theta(k)[0].double() - exact.mean)))
    dim = task.dim_theta
    assert abs(sum(distances) - 10 * dim) < 4 * math.sqrt(20 * dim)
