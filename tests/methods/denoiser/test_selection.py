"""Columns of x that tell of theta only together with others are kept, and columns of noise are dropped."""

import pytest
import torch
from torch.distributions import Independent, Normal

from methods.denoiser import GaussianBase, fit, gaussian_base, selection
from methods.denoiser.fit import DenoiserSettings, fit_denoiser
from methods.denoiser.relevance import relevant_columns
from methods.denoiser.selection import clearly_better

pytestmark = pytest.mark.slow


PRIOR = Independent(Normal(torch.zeros(1), torch.ones(1)), 1)


def stimulus(n, seed, num_noise=0, sign=False):
    """Simulations of x = (s theta + noise, s, columns of noise), with a normal stimulus or a sign s."""
    torch.manual_seed(seed)
    theta, s = PRIOR.sample((n,)), torch.randn(n, 1)
    s = s.sign() if sign else s
    answer = theta * s + 0.3 * torch.randn(n, 1)
    return theta, torch.cat([answer, s, torch.randn(n, num_noise)], dim=1)


@pytest.fixture
def _brief(monkeypatch):
    """Shortens the training of the learned density."""
    monkeypatch.setattr(selection, "CONDITIONAL_STEPS", 300)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sign", [False, True])
def test_of_few_columns_none_is_dropped(sign, seed):
    """Before, the second column was kept or dropped by the chance of the seed."""
    theta, x = stimulus(300, seed, num_noise=4, sign=sign)
    assert GaussianBase.fit(PRIOR, theta, x, seed).encode_x.num_columns == 6


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sign", [False, True])
def test_a_column_is_relevant_by_its_product_with_another(sign, seed):
    theta, x = stimulus(500, seed, num_noise=60, sign=sign)
    assert relevant_columns(theta, x)[:2].all()


@pytest.mark.usefixtures("_brief")
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
def test_among_columns_of_noise_the_stimulus_is_kept(seed):
    theta, x = stimulus(1000, seed, num_noise=60, sign=True)
    base = GaussianBase.fit(PRIOR, theta, x, seed)
    assert base.encode_x(x[:1]).shape[1] < 20  # The noise is dropped.
    kept = base.encode_x.gaussian(x)
    for column in x[:, :2].T:
        distances = (kept - ((column - column.mean()) / column.std())[:, None]).abs().amax(dim=0)
        assert float(distances.min()) < 0.1


@pytest.mark.usefixtures("_brief")
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
def test_the_learned_density_keeps_what_the_tests_overlook(seed, monkeypatch):
    """The linear regression is as good without the stimulus, but the learned density is not."""
    monkeypatch.setattr(gaussian_base, "FEW", 1)
    overlooked = relevant_columns(*stimulus(1000, seed)) & False
    overlooked[0] = True
    monkeypatch.setattr(gaussian_base, "relevant_columns", lambda theta, x: overlooked)
    theta, x = stimulus(1000, seed)
    assert GaussianBase.fit(PRIOR, theta, x, seed).encode_x.num_columns == 2


def test_a_gain_is_clear_if_it_exceeds_its_error():
    torch.manual_seed(0)
    other = torch.randn(400)
    assert clearly_better(other + 0.3 + torch.randn(400), other)
    assert not clearly_better(other + torch.randn(400) - 0.3, other)
    assert not clearly_better(other, other)
    # One simulation at which a density fails does not decide.
    better = other + 0.5
    better[0] = -1e6
    assert clearly_better(better, other)


def test_many_columns_are_not_emulated(monkeypatch):
    """An emulator of many columns needs matrices of many columns for each simulation."""
    monkeypatch.setattr(fit, "Emulator", None)
    torch.manual_seed(0)
    theta = PRIOR.sample((60,))
    x = theta + torch.randn(60, 150)
    settings = DenoiserSettings(width=8, depth=1, steps=4, emulated=1000)
    assert fit_denoiser(PRIOR, theta, x, settings).network.mlp.first.in_features > 150


def test_parameters_that_are_tied_stay_tied():
    """Offsets that sum to zero: their covariance given x is singular."""
    torch.manual_seed(0)
    prior = Independent(Normal(torch.zeros(3), torch.ones(3)), 1)
    theta = prior.sample((300,))
    theta = theta - theta.mean(1, keepdim=True)
    x = theta + 0.3 * torch.randn(300, 3)
    base = GaussianBase.fit(prior, theta, x)
    samples = base.theta(torch.randn(500, 3), base.encode_x(x[:1]))
    assert float(samples.sum(1).abs().max()) < 1e-3
    assert float(samples.std(0).min()) > 0.1
