import pytest
import torch
from torch.distributions import Cauchy

from methods.transforms.heavy_tails import ScaledTheta
from methods.transforms.standardizer import Standardizer


def heavy(n=1000):
    """Return draws whose first column is normal and whose second is Cauchy's."""
    torch.manual_seed(0)
    return torch.cat([2.0 + 3.0 * torch.randn(n, 1), 5.0 + Cauchy(0.0, 0.1).sample((n, 1))], dim=1)


@pytest.mark.parametrize("seed", range(5))
def test_columns_without_heavy_tails_are_standardised_as_ever(seed):
    """Bit for bit: results of all other priors stay the same."""
    torch.manual_seed(seed)
    theta = torch.stack(
        [torch.randn(500), torch.rand(500), (0.5 * torch.randn(500)).exp(), -torch.rand(500).log()], dim=1
    )
    scale, standard = ScaledTheta.fit(theta), Standardizer.fit(theta)
    assert torch.equal(scale(theta), standard(theta))
    assert torch.equal(scale.inverse(theta), standard.inverse(theta))
    assert (scale.log_slope(theta) == -standard.std.log().sum()).all()


def test_heavy_columns_are_compressed_and_the_others_unchanged():
    theta = heavy()
    scale, standard = ScaledTheta.fit(theta), Standardizer.fit(theta)
    assert torch.equal(scale(theta)[:, 0], standard(theta)[:, 0])
    assert torch.equal(scale.inverse(theta)[:, 0], standard.inverse(theta)[:, 0])
    assert float(scale(theta)[:, 1].abs().max()) < 15.0
    assert 0.1 < float(scale(theta)[:, 1].std()) < 5.0


def test_values_are_mapped_back():
    theta = heavy()
    scale = ScaledTheta.fit(theta)
    torch.testing.assert_close(scale.inverse(scale(theta)), theta, rtol=1e-5, atol=1e-5)
    far = torch.tensor([[0.0, 1e3], [0.0, -1e3]])
    assert scale.inverse(far).isfinite().all()


def test_slope_is_the_derivative():
    theta = heavy(200).double().requires_grad_()
    scale = ScaledTheta.fit(theta.detach())
    [slope] = torch.autograd.grad(scale(theta).sum(), theta)
    torch.testing.assert_close(scale.log_slope(theta.detach()), slope.log().sum(1))


@pytest.mark.parametrize("unit", [1e-21, 1e12])
def test_units_do_not_matter(unit):
    theta = heavy()
    scale = ScaledTheta.fit(theta)(theta)
    torch.testing.assert_close(ScaledTheta.fit(unit * theta)(unit * theta), scale, rtol=1e-4, atol=1e-4)
