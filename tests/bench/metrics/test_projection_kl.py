import math

import pytest
import torch
from torch.distributions import Normal

import tasks
from bench.metrics import MetricError
from bench.metrics.projection_kl import isj_bandwidth, kde_kl, marginal_kde_kl, projection_kl
from tasks.closed_form.student_t_mixture import TMixture

GRID = torch.linspace(-8.0, 8.0, 1001, dtype=torch.float64)
EXACT = Normal(0.0, 1.0).log_prob(GRID).exp()


def draws(size, seed=0):
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


def gaussian_kl(mean, variance):
    """The divergence KL(N(0, 1) || N(mean, variance)) in nats."""
    return 0.5 * (math.log(variance) + (1.0 + mean**2) / variance - 1.0)


@pytest.mark.parametrize(("mean", "std"), [(0.5, 1.0), (0.0, 1.5), (1.0, 1.3)])
@pytest.mark.parametrize("bandwidth", ["scott", "isj"])
def test_gaussians_have_their_known_divergence(mean, std, bandwidth):
    samples = mean + std * draws(50_000)
    # A kernel widens a Gaussian: h² is added to its variance.
    h = std * 50_000**-0.2 if bandwidth == "scott" else isj_bandwidth(samples)
    variance = std**2 + h**2
    want = gaussian_kl(mean, variance)
    # The bound is 4.5 standard errors, from those of the samples' mean and variance.
    by_mean = mean / variance * std / math.sqrt(50_000)
    by_variance = 0.5 * (1 / variance - (1 + mean**2) / variance**2) * std**2 * math.sqrt(2 / 50_000)
    error = 4.5 * math.hypot(by_mean, by_variance)
    # In the tails, where few samples lie, the estimate is rough, which changes it by a few thousandths.
    assert abs(kde_kl(EXACT, GRID, samples, bandwidth) - want) < error + 0.005


def test_one_sample_is_a_gaussian_of_the_bandwidth():
    pair = torch.tensor([0.5 - 1e-9, 0.5 + 1e-9], dtype=torch.float64)
    assert abs(kde_kl(EXACT, GRID, pair, 0.9) - gaussian_kl(0.5, 0.81)) < 1e-6


def test_the_density_need_not_be_normalised():
    samples = draws(500)
    assert kde_kl(7.0 * EXACT, GRID, samples) == pytest.approx(kde_kl(EXACT, GRID, samples), abs=1e-12)


def test_samples_far_away_are_finite_and_bad():
    assert 1000 < kde_kl(EXACT, GRID, 100 + draws(1000)) < math.inf


def test_isj_is_near_scott_for_a_gaussian_and_far_below_it_for_two_modes():
    one = draws(10_000).double()
    assert 0.8 < isj_bandwidth(one) / (1.06 * 10_000**-0.2) < 1.2
    two = torch.cat([one[:5000] - 20, one[5000:] + 20])
    assert isj_bandwidth(two) < 0.05 * float(two.std()) * 10_000**-0.2 * 1.5


def test_isj_does_not_depend_on_place_and_scales():
    samples = draws(2000).double()
    assert isj_bandwidth(5 + 3 * samples) == pytest.approx(3 * isj_bandwidth(samples), rel=1e-6)


def test_exact_draws_score_near_zero_and_a_missing_component_does_not():
    task = tasks.get("student_t_mixture_15_5")
    exact, samples = task.exact_posterior(1), task.reference_samples(1)
    assert 0.0 < projection_kl(exact, samples, "isj") < 0.01
    assert 0.0 < marginal_kde_kl(exact, samples, "isj") < 0.01
    lost = samples[samples[:, :5].sum(1) > 0]
    assert projection_kl(exact, lost, "isj") > 0.5
    assert projection_kl(exact, lost) > projection_kl(exact, samples)


BAD = [
    (EXACT, GRID, torch.zeros(3, 2)),
    (EXACT[:-1], GRID, draws(9)),
    (EXACT, GRID.flip(0), draws(9)),
    (-EXACT, GRID, draws(9)),
    (0 * EXACT, GRID, draws(9)),
    (EXACT, GRID, torch.full((9,), torch.nan)),
    (EXACT, GRID, torch.ones(9)),
    (EXACT, GRID, draws(1)),
    (EXACT * torch.inf, GRID, draws(9)),
]


@pytest.mark.parametrize("case", range(len(BAD)))
def test_what_cannot_be_scored_is_an_error(case):
    with pytest.raises(MetricError):
        kde_kl(*BAD[case])


@pytest.mark.parametrize("bandwidth", ["silverman", 0.0, -1.0, math.nan, math.inf])
def test_a_bandwidth_is_a_known_rule_or_positive(bandwidth):
    with pytest.raises(MetricError, match="bandwidth"):
        kde_kl(EXACT, GRID, draws(9), bandwidth)


def test_projection_needs_points_of_the_right_width_and_two_centres():
    exact = tasks.get("student_t_mixture_15_5").exact_posterior(1)
    with pytest.raises(MetricError, match="15 dimensions"):
        projection_kl(exact, torch.zeros(9, 3))
    same = TMixture(torch.zeros(2), torch.zeros(2, 3), torch.ones(2), 10.0)
    with pytest.raises(MetricError, match="different means"):
        projection_kl(same, torch.zeros(9, 3))
