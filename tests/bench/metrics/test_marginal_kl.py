import pytest
import torch
from torch.distributions import Normal

from bench.metrics import MetricError, marginal_kl
from bench.metrics.marginal_kl import NUM_BINS, levels


def draws(size, dim=1):
    return torch.randn(size, dim, generator=torch.Generator().manual_seed(0))


EXACT = Normal(0.0, 1.0).icdf(levels())[:, None]


@pytest.mark.parametrize("size", [2000, 10_000])
def test_exact_draws_score_the_floor(size):
    floor = NUM_BINS / (2 * size)
    assert 0.4 * floor < marginal_kl(EXACT.expand(-1, 20), draws(size, 20)) < 1.6 * floor


@pytest.mark.parametrize("shift", [0.3, 1.0])
def test_a_shifted_gaussian_scores_half_the_squared_shift(shift):
    # Bins lose a small part of the divergence in the tails.
    kl = marginal_kl(EXACT, draws(200_000) + shift)
    assert 0.9 * shift**2 / 2 < kl < 1.01 * shift**2 / 2


def test_a_missed_mode_is_finite_and_larger_than_a_blur():
    sample = draws(10_000)
    missed = sample[sample[:, 0] > 0]
    assert 1.0 < marginal_kl(EXACT, missed) < 10.0
    assert marginal_kl(EXACT, missed) > marginal_kl(EXACT, 1.5 * sample)


@pytest.mark.parametrize(
    "samples", [torch.zeros(3, 2), torch.zeros(0, 1), torch.full((3, 1), torch.nan), torch.zeros(3)]
)
def test_bad_samples_are_an_error(samples):
    with pytest.raises(MetricError):
        marginal_kl(EXACT, samples)
