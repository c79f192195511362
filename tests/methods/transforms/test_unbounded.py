import pytest
import torch
from torch.distributions import Dirichlet, Independent, LogNormal, MultivariateNormal, Uniform

from methods.transforms.unbounded import Unbounded

BOX = Independent(Uniform(torch.tensor([-3.0, 0.0]), torch.tensor([3.0, 0.5])), 1)
POSITIVE = Independent(LogNormal(torch.zeros(2), torch.ones(2)), 1)
LINE = MultivariateNormal(torch.zeros(2), torch.eye(2))
ALL = [(BOX, 0.02), (BOX, 0.3), (BOX, 1.0), (POSITIVE, 1.0), (LINE, 1.0)]


@pytest.mark.parametrize(("prior", "blend"), ALL)
def test_there_and_back(prior, blend):
    theta = prior.sample((500,))
    unbounded = Unbounded(prior, blend)
    torch.testing.assert_close(unbounded.inverse(unbounded(theta)), theta, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("prior", "blend"), ALL)
def test_the_slope_is_the_derivative(prior, blend):
    theta = prior.sample((20,)).double().requires_grad_()
    unbounded = Unbounded(prior, blend)
    (slope,) = torch.autograd.grad(unbounded(theta).sum(), theta)
    torch.testing.assert_close(unbounded.log_slope(theta.detach()), slope.log().sum(1))


@pytest.mark.parametrize(("prior", "blend"), ALL)
def test_whatever_comes_in_nothing_falls_outside(prior, blend):
    u = torch.cat([100 * torch.randn(1000, 2), torch.tensor([[-1e9, 1e9]])])
    theta = Unbounded(prior, blend).inverse(u)
    assert prior.support.check(theta).all()
    assert theta.isfinite().all()


def test_a_full_blend_makes_a_uniform_prior_normal():
    u = Unbounded(BOX, 1.0)(BOX.sample((20_000,)))
    torch.testing.assert_close(u.mean(0), torch.zeros(2).double(), rtol=0, atol=0.03)
    torch.testing.assert_close(u.std(0), torch.ones(2).double(), rtol=0, atol=0.03)
    assert float((u.abs() < 1.96).double().mean()) == pytest.approx(0.95, abs=0.01)


def test_a_small_blend_is_nearly_linear():
    theta = torch.tensor([[-2.0, 0.1], [0.0, 0.25], [2.0, 0.4]])
    u = Unbounded(BOX, 0.02)(theta)
    torch.testing.assert_close(u[1] - u[0], u[2] - u[1])
    assert float(u[2, 0]) == pytest.approx(12**0.5 / 3, rel=0.02)


def test_another_support_is_refused():
    with pytest.raises(ValueError, match="only intervals, half-lines and lines"):
        Unbounded(Dirichlet(torch.ones(3)))
