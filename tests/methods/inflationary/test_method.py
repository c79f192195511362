import pytest
import torch
from torch.distributions import Independent, Normal, Uniform

import methods

PRIOR = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)


@pytest.fixture(scope="module")
def simulations():
    """Two parameters, each observed twice with noise of 0.3, and uninformative columns of noise."""
    torch.manual_seed(0)
    theta = PRIOR.sample((2000,))
    seen = theta.repeat(1, 2) + 0.3 * torch.randn(2000, 4)
    return theta, torch.cat([seen, 0.1 * torch.randn(2000, 1)], dim=1)


@pytest.mark.parametrize(
    "spec", [pytest.param("inflationary", marks=pytest.mark.slow), "inflationary[keep=2]"]
)
def test_a_linear_gaussian_posterior(simulations, spec):
    quick = {"training_steps": 400, "width": 64, "depth": 2}
    method = methods.get(spec).model_copy(update=quick)
    theta, x = simulations
    posterior = method.fit(PRIOR, theta, x, seed=0)
    torch.manual_seed(1)
    x_o = torch.tensor([[0.8, -0.5, 0.8, -0.5, 0.0]])
    found = posterior.sample((4000,), x=x_o)
    precision = 1.0 + 2.0 / 0.09
    mean = x_o[0, :2] * 2.0 / 0.09 / precision
    # About 80 simulations have x within the width of the posterior; the bound is their 4.5 standard errors.
    assert (found.mean(0) - mean).abs().max() < 4.5 * (1 / precision / 80) ** 0.5
    assert (found.std(0) * precision**0.5 - 1.0).abs().max() < 4.5 / 160**0.5
    # If x is reduced, its flow is run only once for all samples.
    assert posterior.nfe == 80 + (80 / 4000 if "keep" in spec else 0)


@pytest.mark.slow
def test_the_density_is_that_of_the_samples(simulations):
    method = methods.get("inflationary[training_steps=200,width=32,depth=2,steps=80]")
    theta, x = simulations
    posterior = method.fit(PRIOR, theta, x, seed=0)
    axis = torch.linspace(-4.0, 4.0, 121)
    mass = (
        posterior.log_prob(torch.cartesian_prod(axis, axis), x=x[:1]).exp().sum() * (axis[1] - axis[0]) ** 2
    )
    assert float(mass) == pytest.approx(1.0, abs=0.01)


def test_nothing_falls_outside_and_the_density_there_is_zero(simulations):
    prior = Independent(Uniform(-torch.ones(2), torch.ones(2)), 1)
    torch.manual_seed(0)
    theta = prior.sample((300,))
    posterior = methods.get("inflationary[training_steps=20]").fit(prior, theta, theta.clone(), seed=0)
    found = posterior.sample((500,), x=torch.ones(1, 2))
    assert found.abs().max() <= 1.0
    assert posterior.log_prob(torch.tensor([[1.1, 0.0]]), x=torch.ones(1, 2)) == -torch.inf


def test_keeping_all_of_x_is_refused(simulations):
    theta, x = simulations
    with pytest.raises(ValueError, match="keep = 5: of 5 directions"):
        methods.get("inflationary[keep=5]").fit(PRIOR, theta, x)
