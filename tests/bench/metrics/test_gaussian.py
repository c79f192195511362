import math

import pytest
import torch
from scipy.linalg import sqrtm
from scipy.stats import chi2
from torch.distributions import Distribution, MultivariateNormal

from bench.metrics import MetricError, gaussian_kl, gaussian_w2


def law(dim, seed=0):
    generator = torch.Generator().manual_seed(seed)
    factor = torch.randn(dim, dim, generator=generator).double() / math.sqrt(dim)
    return MultivariateNormal(
        torch.randn(dim, generator=generator).double(), factor @ factor.T + 0.1 * torch.eye(dim)
    )


def draws(exact, size):
    torch.manual_seed(1)
    return exact.sample((size,)).float()


@pytest.mark.parametrize("dim", [1, 5, 20])
def test_exact_draws_score_the_floor(dim):
    exact = law(dim)
    # Twice the number of draws times this divergence is chi-square, with as many degrees of freedom as mean
    # and covariance have entries; each bound is missed with probability 1 in 10 000.
    statistic = chi2(dim * (dim + 3) / 2)
    kl = gaussian_kl(exact, draws(exact, 10_000))
    assert statistic.ppf(1e-4) < 2 * 10_000 * kl < statistic.isf(1e-4)
    assert gaussian_w2(exact, draws(exact, 10_000)) < 0.05 * math.sqrt(dim)


def test_a_shift_moves_both_as_it_should():
    exact = law(3)
    x = draws(exact, 50_000).double()
    shift = torch.tensor([0.3, -0.2, 0.1]).double()
    expected = 0.5 * float(shift @ exact.precision_matrix @ shift)
    # The bound is 4.5 standard errors, from the errors of the draws' mean (along the shift) and covariance.
    error = 4.5 * math.sqrt(2 * expected / 50_000) + expected * 4.5 * math.sqrt(2 / 50_000)
    assert gaussian_kl(exact, x + shift) == pytest.approx(expected, abs=error + 1e-3)
    largest = float(torch.linalg.eigvalsh(exact.covariance_matrix)[-1])
    error = 4.5 * math.sqrt(largest / 50_000)
    assert gaussian_w2(exact, x + shift) == pytest.approx(float(shift.norm()), abs=error + 1e-3)


def test_the_distance_of_covariances_is_gelbrichs():
    one, other = law(4), law(4, seed=5)
    x = draws(MultivariateNormal(one.mean, other.covariance_matrix), 200_000)
    a, b = one.covariance_matrix.numpy(), other.covariance_matrix.numpy()
    root = sqrtm(a)
    want = math.sqrt((a + b - 2 * sqrtm(root @ b @ root).real).trace())
    assert gaussian_w2(one, x) == pytest.approx(want, rel=0.03)


def test_what_cannot_be_scored_is_said(monkeypatch):
    exact = law(3)
    with pytest.raises(MetricError, match="do not match a normal in 3 dimensions"):
        gaussian_kl(exact, torch.zeros(10, 2))
    for validated in (True, False):  # another package may have changed the default
        monkeypatch.setattr(Distribution, "_validate_args", validated)
        with pytest.raises(MetricError, match="singular"):
            gaussian_kl(exact, torch.zeros(10, 3))
    with pytest.raises(MetricError, match="finite"):
        gaussian_w2(exact, torch.full((10, 3), torch.nan))
