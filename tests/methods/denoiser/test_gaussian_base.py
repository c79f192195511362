import pytest
import torch
from torch.distributions import Independent, Normal, Uniform

from methods.denoiser import GaussianBase
from methods.denoiser.relevance import relevant_columns


def linear(n=2000):
    """Theta ~ N(0, I), x = [theta_1 + theta_2, theta_2] + noise of variance 1/4: a Gaussian posterior."""
    torch.manual_seed(0)
    prior = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    theta = prior.sample((n,))
    design = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    return prior, theta, theta @ design.T + 0.5 * torch.randn(n, 2), design


def test_on_a_linear_problem_the_base_is_the_posterior():
    prior, theta, x, design = linear()
    base = GaussianBase.fit(prior, theta, x)
    covariance = torch.linalg.inv(torch.eye(2) + 4 * design.T @ design)
    x_o = torch.tensor([[0.7, -0.4]])
    mean = covariance @ (4 * design.T @ x_o[0])
    c = base.encode_x(x_o)
    drawn = base.theta(torch.randn(20_000, 2), c)
    # 4.5 standard errors of 2000 simulations, for three coefficients of each parameter and for a covariance.
    widest = float(covariance.max())
    torch.testing.assert_close(drawn.mean(0), mean, rtol=0, atol=4.5 * (3 * widest / 2000) ** 0.5)
    torch.testing.assert_close(drawn.T.cov(), covariance, rtol=0, atol=4.5 * widest * (2 / 2000) ** 0.5)


def test_whitening_is_undone():
    prior, theta, x, _ = linear(200)
    base = GaussianBase.fit(prior, theta, x)
    c = base.encode_x(x)
    torch.testing.assert_close(base.theta(base.whiten(theta, c), c), theta, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_residuals_are_white_on_data_that_the_regression_has_not_seen():
    """With nearly as many columns as simulations, residuals of the training set would be much too small."""
    torch.manual_seed(0)
    prior = Independent(Normal(torch.zeros(1), torch.ones(1)), 1)
    theta, x = prior.sample((150,)), torch.randn(150, 80)
    x[:, :1] += 2 * theta
    base = GaussianBase.fit(prior, theta, x)
    fresh = prior.sample((2000,))
    fresh_x = torch.randn(2000, 80)
    fresh_x[:, :1] += 2 * fresh
    spread = float(base.whiten(fresh, base.encode_x(fresh_x)).std())
    # 4.5 standard errors of a standard deviation from 150 simulations.
    assert spread == pytest.approx(1.0, abs=4.5 / 300**0.5)


def test_the_blend_follows_the_problem():
    """With little noise, x is linear in theta, so the blend is small; with much noise, the blend is large."""
    torch.manual_seed(0)
    prior = Independent(Uniform(-torch.ones(2), torch.ones(2)), 1)
    theta = prior.sample((1000,))
    sharp = GaussianBase.fit(prior, theta, theta + 0.02 * torch.randn(1000, 2))
    vague = GaussianBase.fit(prior, theta, theta + 3.0 * torch.randn(1000, 2))
    assert sharp.unbounded.blend < 0.3 < vague.unbounded.blend


@pytest.mark.slow
def test_columns_of_noise_are_left_out(monkeypatch):
    """With ninety columns of noise and two relevant ones, the regression is the one without the noise."""
    monkeypatch.setattr("methods.denoiser.relevance.LEVEL", 1e-4)  # else one seed in 100 keeps such a column
    prior, theta, x, _ = linear(1000)
    torch.manual_seed(1)
    base = GaussianBase.fit(prior, theta, torch.cat([torch.randn(1000, 90), x], dim=1))
    alone = GaussianBase.fit(prior, theta, x)
    assert base.slope.shape == (2, 2)
    torch.testing.assert_close(base.slope, alone.slope)


@pytest.mark.slow
def test_weak_columns_stay_where_they_help():
    """Sixty columns are each too weak to be significant, but together they are informative."""
    torch.manual_seed(0)
    prior = Independent(Normal(torch.zeros(1), torch.ones(1)), 1)
    theta = prior.sample((150,))
    x = torch.cat([theta + 0.7 * torch.randn(150, 1), theta + 3.0 * torch.randn(150, 60)], dim=1)
    assert not relevant_columns(theta, x).all()
    assert GaussianBase.fit(prior, theta, x).slope.shape == (1, 61)
