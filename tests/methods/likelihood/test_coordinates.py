import pytest
import torch
from torch import nn
from torch.distributions import (
    Beta,
    Distribution,
    Gamma,
    Independent,
    LogNormal,
    Normal,
    Uniform,
    constraints,
)

from methods.likelihood import Coordinates
from methods.transforms.unbounded import Unbounded


class Mixed(Distribution):
    """One parameter on an interval, one on a half-line and one on the line."""

    parts = (Uniform(-2.0, 3.0), LogNormal(0.5, 0.7), Normal(1.0, 2.0))
    support = constraints.cat([part.support for part in parts], dim=-1, lengths=(1, 1, 1))

    def __init__(self):
        super().__init__(event_shape=torch.Size([3]), validate_args=False)

    def sample(self, sample_shape=()):
        return torch.stack([part.sample(sample_shape) for part in self.parts], dim=-1)

    def log_prob(self, theta):
        return sum(part.log_prob(theta[..., k]) for k, part in enumerate(self.parts))


def one(distribution):
    return Independent(distribution, 1)


PRIORS = {
    "uniform": one(Uniform(torch.tensor([-1.0, 5.0]), torch.tensor([1.0, 9.0]))),
    "lognormal": one(LogNormal(torch.tensor([0.0, 3.0]), torch.tensor([0.5, 1.0]))),
    "beta": one(Beta(torch.tensor([2.0, 0.7]), torch.tensor([3.0, 0.7]))),
    "gamma": one(Gamma(torch.tensor([2.0, 0.5]), torch.tensor([1.0, 10.0]))),
    "normal": one(Normal(torch.zeros(2), torch.tensor([1.0, 3.0]))),
    "mixed": Mixed(),
}


def coordinates(name, n=500):
    prior = PRIORS[name]
    theta = prior.sample((n,))
    return prior, theta, Coordinates(prior, theta, seed=0)


@pytest.mark.parametrize("name", PRIORS)
def test_features_of_coordinates_are_those_of_theta(name):
    _, theta, of = coordinates(name)
    u = of(theta)
    torch.testing.assert_close(of.theta(u), theta, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(of.features(u), of.of_theta(of.theta(u)), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(
        of.features(u[:12].unflatten(0, (3, 4))), of.features(u[:12]).unflatten(0, (3, 4))
    )
    torch.testing.assert_close(of.of_theta(theta).mean(0), torch.zeros(theta.shape[1]), rtol=0, atol=1e-4)
    torch.testing.assert_close(of.of_theta(theta).std(0), torch.ones(theta.shape[1]), rtol=0, atol=0.01)


@pytest.mark.parametrize("name", ["uniform", "lognormal", "beta", "gamma", "normal"])
def test_the_prior_of_the_coordinates_integrates_to_one(name):
    _, _, of = coordinates(name)
    side = torch.linspace(-18.0, 18.0, 721) if name != "lognormal" else torch.linspace(-9.0, 9.0, 721)
    mass = of.log_prior(torch.cartesian_prod(side, side)).double().exp().sum() * float(side[1] - side[0]) ** 2
    assert float(mass) == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("u", [7.0, -7.0, 40.0, -40.0, -100.0, torch.inf])
@pytest.mark.parametrize("name", ["uniform", "beta"])
def test_there_is_no_density_beyond_what_float32_tells_from_a_bound(name, u):
    """The density of this Beta prior is infinite at its bounds, where a chain would stay for ever."""
    _, theta, of = coordinates(name)
    assert of.log_prior(torch.tensor([[u, 0.0]])) == -torch.inf
    low = PRIORS[name].support.base_constraint.lower_bound
    for at in (theta, (low + 0.0 * theta)):  # Draws themselves have one, even those at a bound.
        finite = of.log_prior(of(at.clamp_min(1e-9) if name == "beta" else at)).isfinite()
        assert finite.all()


def test_the_prior_of_mixed_coordinates_is_a_product():
    _, _, of = coordinates("mixed")
    u = torch.randn(4, 5, 3)
    exact = Normal(0.0, 1.0).log_prob(u[..., 0]) + Normal(0.5, 0.7).log_prob(u[..., 1])
    exact = exact + Normal(1.0, 2.0).log_prob(u[..., 2])
    assert of.log_prior(u).shape == (4, 5)
    torch.testing.assert_close(of.log_prior(u), exact, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", PRIORS)
def test_moments_are_those_of_prior_draws(name):
    prior, _, of = coordinates(name)
    torch.manual_seed(1)
    u = of(prior.sample((20_000,)))
    # 4.5 standard errors of the difference of two means of 20 000 draws.
    assert ((of.mean - u.mean(0)).abs() < 4.5 * u.std(0) * (2 / 20_000) ** 0.5).all()
    white = (u - u.mean(0)) @ torch.linalg.cholesky(of.precision)
    torch.testing.assert_close(white.T.cov(), torch.eye(u.shape[1]), rtol=0, atol=0.15)


def test_coordinates_leave_the_random_state_alone():
    theta = PRIORS["uniform"].sample((50,))
    before = torch.random.get_rng_state()
    Coordinates(PRIORS["uniform"], theta, seed=3)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", PRIORS)
def test_plain_at_has_the_right_gradient(name):
    prior = PRIORS[name]
    unbounded = Unbounded(prior)
    u = 0.7 * torch.randn(6, prior.event_shape[0], dtype=torch.float64) + 0.2
    u.requires_grad_()
    assert torch.autograd.gradcheck(unbounded.plain_at, (u,))
    theta = unbounded.inverse(u.detach())
    torch.testing.assert_close(unbounded.plain_at(u.detach()), unbounded.plain(theta), rtol=1e-4, atol=1e-4)


def test_plain_at_needs_a_formula():
    with pytest.raises(ValueError, match="blend"):
        Unbounded(PRIORS["uniform"], blend=0.3).plain_at(torch.zeros(1, 2))


def test_networks_can_be_differentiated_through_features():
    _, _, of = coordinates("mixed")
    u = torch.randn(3, 3, requires_grad=True)
    nn.functional.softplus(of.features(u)).sum().backward()
    assert (u.grad > 0).all()
