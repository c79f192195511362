import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import kstest, norm

from tasks.closed_form.bimodal_1d import BOUND, NOISE_VARIANCE, Bimodal1D

TASK = Bimodal1D()
OBSERVATIONS = [1, 2, 3]
RARE = 1e-4  # probability that a correct result fails, at any seed


def unnormalised(theta, x):
    return norm.pdf(x, theta**2, np.sqrt(NOISE_VARIANCE))


@pytest.mark.parametrize("k", OBSERVATIONS)
def test_the_posterior_is_normalised_and_proportional_to_the_likelihood(k):
    x = float(TASK.observation(k))
    evidence, _ = quad(unnormalised, -BOUND, BOUND, args=(x,), points=[-(x**0.5), 0, x**0.5], epsabs=1e-12)
    theta = torch.linspace(-BOUND, BOUND, 41, dtype=torch.float64)[:, None]
    got = TASK.log_posterior(theta, TASK.observation(k).double()).exp()
    np.testing.assert_allclose(got, unnormalised(theta[:, 0].numpy(), x) / evidence, rtol=1e-5)


@pytest.mark.parametrize("k", OBSERVATIONS)
def test_the_reference_follows_the_exact_distribution(k):
    x = float(TASK.observation(k))
    grid = np.linspace(-BOUND, BOUND, 20_001)
    density = unnormalised(grid, x)
    below = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    draws = TASK.reference_samples(k)
    assert draws.shape == (10_000, 1)
    cdf = np.interp(draws[:, 0].double().numpy(), grid, below / below[-1])
    assert kstest(cdf, "uniform").pvalue > RARE


@pytest.mark.parametrize("k", OBSERVATIONS)
def test_quantiles_are_symmetric(k):
    # The median is left out: between modes that are far apart, almost no mass determines its place.
    levels = torch.tensor([0.01, 0.25, 0.75, 0.99], dtype=torch.float64)
    quantiles = TASK.marginal_quantiles(k, levels)
    torch.testing.assert_close(quantiles, -quantiles.flip(0), rtol=0, atol=1e-4)


def test_every_row_may_have_its_own_x():
    theta = torch.tensor([[0.5], [-1.0], [1.9]], dtype=torch.float64)
    x = torch.tensor([[0.3], [1.2], [3.0]], dtype=torch.float64)
    one_by_one = [TASK.log_posterior(theta[i : i + 1], x[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(TASK.log_posterior(theta, x), torch.cat(one_by_one))


def test_outside_the_prior_there_is_no_mass():
    outside = TASK.log_posterior(torch.tensor([[2.1], [-3.0]]), TASK.observation(1))
    assert bool((outside == -torch.inf).all())


def test_simulations_have_the_mean_and_variance_of_the_model():
    x = TASK.simulate(torch.full((100_000, 1), -1.5), seed=0)
    # 4.5 standard errors.
    assert abs(float(x.mean()) - 2.25) < 4.5 * (NOISE_VARIANCE / 100_000) ** 0.5
    assert abs(float(x.var()) / NOISE_VARIANCE - 1) < 4.5 * (2 / 100_000) ** 0.5
