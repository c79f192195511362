import pytest
import torch
from torch.distributions import Independent, LogNormal, Normal, Uniform

import methods
from methods.sbi.units import ScaledPrior, Units
from methods.transforms.standardizer import Standardizer

pytestmark = pytest.mark.slow


UNIT = 1e-12
FLAT = Independent(Uniform(torch.full((2,), 1.0) * UNIT, torch.full((2,), 3.0) * UNIT), 1)
POSITIVE = Independent(LogNormal(torch.full((2,), -28.0), torch.ones(2)), 1)
LINE = Independent(Normal(torch.full((2,), 1e12), torch.full((2,), 1e12)), 1)


def test_ordinary_data_are_passed_on_unchanged():
    torch.manual_seed(0)
    prior = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    theta = prior.sample((100,))
    units = Units.fit(prior, theta, 0.01 * theta)
    assert units.prior is prior
    assert units.theta(theta) is theta
    assert units.x(theta) is theta
    assert units.original(theta) is theta
    assert units.log_slope == 0.0


@pytest.mark.parametrize("prior", [FLAT, POSITIVE, LINE])
def test_the_standardised_prior_is_the_prior_in_other_units(prior):
    torch.manual_seed(0)
    scale = Standardizer.fit(prior.sample((4000,)).double())
    scaled = ScaledPrior(prior, scale)
    value = scaled.sample((500,))
    assert scaled.support.check(value).all()
    assert prior.support.check(scaled.original(value)).all()
    expected = prior.log_prob(scaled.original(value)) + scale.std.log().sum()
    torch.testing.assert_close(scaled.log_prob(value), expected.float(), rtol=1e-3, atol=1e-3)
    if prior is not LINE:
        assert scaled.log_prob(torch.full((3, 2), -50.0)).tolist() == [-torch.inf] * 3
    torch.testing.assert_close(scaled.sample((4000,)).mean(0), scaled.mean, rtol=0.3, atol=0.3)


@pytest.mark.parametrize(
    "spec",
    [
        "npe[max_num_epochs=30,training_batch_size=50]",
        "nre[max_num_epochs=30,training_batch_size=50,warmup_steps=5]",
    ],
)
@pytest.mark.parametrize("unit", [1e-21, pytest.param(1e12, marks=pytest.mark.slow)])
def test_small_and_large_units_are_no_constants_to_sbi(spec, unit, recwarn):
    """Before, data in a small unit were constant to sbi, and samples were draws of the prior."""
    torch.manual_seed(0)
    prior = Independent(Uniform(-unit * torch.ones(1), unit * torch.ones(1)), 1)
    theta = prior.sample((600,))
    x = theta + 0.1 * unit * torch.randn(600, 1)
    posterior = methods.get(spec).fit(prior, theta, x, seed=0)
    torch.manual_seed(1)
    samples = posterior.sample((200,), x=torch.full((1, 1), 0.5 * unit)) / unit
    assert prior.support.check(samples * unit).all()
    assert 0.2 < float(samples.mean()) < 0.7
    assert float(samples.std()) < 0.4


def test_the_density_is_in_the_original_units(recwarn):
    torch.manual_seed(0)
    prior = Independent(Uniform(torch.zeros(1), torch.full((1,), 1e-12)), 1)
    theta = prior.sample((400,))
    posterior = methods.get("npe[max_num_epochs=3]").fit(prior, theta, theta, seed=0)
    grid = torch.linspace(0, 1e-12, 201)[1:-1, None]
    mass = posterior.log_prob(grid, x=torch.full((1, 1), 5e-13)).double().exp().sum() * 5e-15
    assert float(mass) == pytest.approx(1.0, abs=0.2)
