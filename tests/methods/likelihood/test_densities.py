import math

import pytest
import torch
from torch import nn
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from methods.learning.networks import seeded
from methods.likelihood.densities import FlowDensity, GaussianDensity, GaussianParts, MixtureDensity

PRECISION = torch.tensor([[3.0, 1.2, -0.5], [1.2, 2.0, 0.3], [-0.5, 0.3, 0.7]])


def random_weights(make, std=0.3, seed=0):
    """The density with random weights in its last layers, so that it depends on the features."""
    density = seeded(make, seed).requires_grad_(False)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for weights in density.parameters():
            weights += std * torch.randn_like(weights) / weights.shape[-1] ** 0.5
    return density


def normals(parts):
    """Torch's normal distributions of the same parts: (I + A)⁻¹ diag(s) times a standard normal, plus m."""
    scale = parts.log_scale.exp()
    identity = torch.eye(scale.shape[-1])
    below = torch.zeros_like(identity) if parts.below is None else parts.below
    factor = torch.linalg.inv(identity + below) * scale[..., None, :]
    return MultivariateNormal(parts.mean, scale_tril=factor)


MAKERS = {
    "independent": lambda: GaussianDensity(2, 3, 16, 2),
    "full": lambda: GaussianDensity(2, 3, 16, 2, PRECISION[:2, :2]),
    "mixture": lambda: MixtureDensity(2, 3, 16, 2, 3, PRECISION[:2, :2]),
    "mixture of independent columns": lambda: MixtureDensity(2, 3, 16, 2, 3),
    "flow": lambda: FlowDensity(2, 3, 16),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_densities_integrate_to_one(make):
    density = random_weights(make)
    side = torch.linspace(-12.0, 12.0, 301)
    r = torch.cartesian_prod(side, side)
    for f in torch.randn(2, 3):
        mass = density.log_prob(r, f.expand(len(r), -1)).double().exp().sum() * float(side[1] - side[0]) ** 2
        # The splines' slopes jump at their knots, where the sum over a grid is not exact.
        assert float(mass) == pytest.approx(1.0, abs=5e-3 if isinstance(density, FlowDensity) else 1e-4)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_residuals_and_features_broadcast(make):
    density = random_weights(make)
    r, f = torch.randn(5, 2), torch.randn(4, 5, 3)
    together = density.log_prob(r, f)
    assert together.shape == (4, 5)
    for k in range(4):
        torch.testing.assert_close(together[k], density.log_prob(r, f[k]))


def test_before_training_the_gaussian_has_the_given_precision():
    density = GaussianDensity(3, 2, 8, 1, PRECISION)
    parts = density.gaussian(torch.randn(5, 2))
    torch.testing.assert_close(parts.mean, torch.zeros(5, 3))
    covariance = torch.linalg.inv(PRECISION)
    # The network adds 1e-4 to a scale.
    torch.testing.assert_close(
        normals(parts).covariance_matrix, covariance.expand(5, 3, 3), rtol=1e-3, atol=1e-3
    )
    exact = MultivariateNormal(torch.zeros(3), covariance).log_prob(r := torch.randn(5, 3))
    torch.testing.assert_close(density.log_prob(r, torch.randn(5, 2)), exact, rtol=2e-3, atol=2e-3)


def test_without_a_precision_columns_are_standard_normal_and_independent():
    parts = GaussianDensity(3, 2, 8, 1).gaussian(torch.randn(5, 2))
    assert parts.below is None
    torch.testing.assert_close(parts.log_scale, torch.zeros(5, 3), rtol=0, atol=2e-4)


@pytest.mark.parametrize("precision", [None, PRECISION], ids=["independent", "full"])
def test_gaussians_agree_with_those_of_torch(precision):
    density = random_weights(lambda: GaussianDensity(3, 2, 16, 2, precision))
    r, f = torch.randn(20, 3), torch.randn(20, 2)
    parts = density.gaussian(f)
    exact = normals(parts)
    torch.testing.assert_close(density.log_prob(r, f), exact.log_prob(r), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(parts.log_prob(r), exact.log_prob(r), rtol=1e-4, atol=1e-4)
    white = torch.linalg.solve_triangular(exact.scale_tril, (r - parts.mean)[..., None], upper=False)
    torch.testing.assert_close(parts.whiten(r - parts.mean), white[..., 0], rtol=1e-4, atol=1e-4)


def test_the_parts_are_those_of_the_definition():
    below = torch.tensor([[0.0, 0.0], [0.5, 0.0]])
    parts = GaussianParts(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0]).log(), below)
    torch.testing.assert_close(parts.whiten(torch.tensor([3.0, 1.0])), torch.tensor([1.5, 2.5 / 4]))


def test_mixtures_agree_with_those_of_torch():
    density = random_weights(lambda: MixtureDensity(3, 2, 16, 2, 4, PRECISION))
    r, f = torch.randn(20, 3), torch.randn(20, 2)
    parts, logits = density.parts(f)
    assert logits.shape == (20, 4)
    assert parts.mean.shape == (20, 4, 3)
    exact = MixtureSameFamily(Categorical(logits=logits), normals(parts))
    torch.testing.assert_close(density.log_prob(r, f), exact.log_prob(r), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_the_networks_are_the_ones_that_an_evaluation_runs(make):
    density = seeded(make, 0)
    ran = []
    handles = [
        network.register_forward_hook(lambda module, *_: ran.append(module)) for network in density.networks
    ]
    density.log_prob(torch.randn(5, 2), torch.randn(5, 3))
    for handle in handles:
        handle.remove()
    assert len(ran) == len(density.networks)
    assert set(map(id, ran)) == set(map(id, density.networks))
    weights = [id(p) for network in density.networks for p in network.parameters()]
    assert sorted(weights) == sorted(id(p) for p in density.parameters())


def test_the_scale_stays_positive_for_any_output():
    density = GaussianDensity(1, 1, 8, 1)
    nn.init.constant_(density.mlp.last.bias, -1e4)
    assert math.exp(float(density.gaussian(torch.zeros(1, 1)).log_scale.detach())) == pytest.approx(
        1e-4, rel=1e-3
    )
