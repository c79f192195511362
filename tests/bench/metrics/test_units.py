"""Metrics do not depend on the units of theta or x, whatever these are."""

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal

from bench.metrics import c2st, c2st_rf, gaussian_kl, gaussian_w2, marginal_kl, mmd2, ppc, sliced_w2
from bench.metrics.calibration_pairs import CalibrationPairs
from bench.metrics.metric_input import MetricError, standardised
from bench.metrics.projection_kl import kde_kl

UNITS = [1e-30, 1e-21, 1e-12, 1e12, 1e30]


@pytest.fixture(scope="module")
def pair():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(200, 2, generator=generator), torch.randn(200, 2, generator=generator) + 1.0


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("metric", [mmd2, sliced_w2, c2st_rf])
def test_the_unit_does_not_matter(metric, unit, pair):
    expected = metric(*pair)
    assert metric(*(unit * part for part in pair)) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("unit", [1e-24, 1e30, torch.tensor([1e15, 1e-20])])
def test_c2st_does_not_depend_on_the_unit(unit, pair):
    assert c2st(*(unit * part for part in pair)) == pytest.approx(c2st(*pair), abs=0.02)


@pytest.mark.parametrize("metric", [mmd2, sliced_w2, c2st_rf])
def test_a_large_constant_does_not_matter(metric, pair):
    assert metric(*(part + 1e3 for part in pair)) == pytest.approx(metric(*pair), abs=5e-3)


def test_standardised_values_are_sbibms_to_the_last_digit(pair):
    reference, samples = pair
    expected = (torch.cat(pair) - reference.mean(0)) / reference.std(0)
    assert (standardised(reference, samples) == expected).all()
    # A power of two changes no digit.
    assert (standardised(2.0**-90 * reference, 2.0**-90 * samples) == expected).all()


def test_samples_far_beyond_the_reference_are_told_apart(pair):
    reference, samples = pair
    for factor in (1e9, 1e30):
        assert c2st(reference, factor * samples) > 0.95


@pytest.mark.slow
def test_arrays_whole_numbers_and_mixed_dtypes_are_scored(pair):
    reference, samples = pair
    for metric in (mmd2, sliced_w2, c2st_rf):
        expected = metric(reference, samples)
        assert metric(reference.double(), samples) == pytest.approx(expected, abs=5e-3)
        assert metric(reference.numpy(), samples.numpy()) == expected
        assert metric((9 * reference).long(), 9 * samples) > 0


def test_equal_draws_of_few_whole_numbers_have_a_discrepancy():
    """More than half of the pairs are equal, so their median distance is zero."""
    reference = torch.tensor([[0.0]] * 90 + [[1.0]] * 10)
    assert mmd2(reference, reference) == pytest.approx(0.0, abs=0.01)
    assert mmd2(reference, 1.0 - reference) > 0.1


@pytest.mark.parametrize("rate", [0.001, 0.05, 0.5, 4.0])
def test_a_discrepancy_of_counts_is_finite_and_tells_rates_apart(rate):
    """The smallest rate gives one count in a thousand that is not zero."""
    torch.manual_seed(0)
    near, again, far = (torch.poisson(torch.full((1000, 1), r)) for r in (rate, rate, 20.0))
    near[0] = 1.0
    # The standard error of equal rates is far below the discrepancy of others.
    assert abs(mmd2(near, again)) < 0.01
    assert mmd2(near, far) > 0.5
    assert mmd2(near.long(), again.long()) == mmd2(near, again)


@pytest.mark.parametrize("outlier", [1e16, 1e20, 1e22, 1e30])
def test_one_huge_draw_of_the_reference_does_not_hide_a_discrepancy(outlier, pair):
    """Before, the squares of all other distances were too small, and the value was NaN or zero."""
    reference, samples = pair[0].clone(), pair[1]
    reference[0] = outlier
    assert mmd2(reference, samples) == pytest.approx(mmd2(*pair), abs=0.02)


def test_a_reference_whose_distances_have_no_squares_is_one_clear_error():
    reference = 1e-130 * torch.randn(100, 1).double()
    reference[0] = 1.0
    with pytest.raises(MetricError, match="of its range, too little to square"):
        mmd2(reference, reference)


@pytest.mark.parametrize("unit", [1e-15, 1e-6, 1e6, 1e15])
def test_distances_of_normals_and_binned_marginals_in_any_unit(unit, pair):
    samples = pair[1].double()
    exact = MultivariateNormal(torch.zeros(2).double(), torch.eye(2).double())
    scaled = MultivariateNormal(torch.zeros(2).double(), unit**2 * torch.eye(2).double())
    assert gaussian_kl(scaled, unit * samples) == pytest.approx(gaussian_kl(exact, samples), rel=1e-6)
    assert gaussian_w2(scaled, unit * samples) == pytest.approx(unit * gaussian_w2(exact, samples), rel=1e-6)
    edges = torch.tensor([[-0.5, -0.5], [0.5, 0.5]]).double()
    assert marginal_kl(unit * edges, unit * samples) == marginal_kl(edges, samples)
    grid = torch.linspace(-6, 6, 500).double()
    density = (-0.5 * grid.square()).exp()
    assert kde_kl(density / unit, unit * grid, unit * samples[:, 0]) == pytest.approx(
        kde_kl(density, grid, samples[:, 0]), rel=1e-6
    )


@pytest.mark.parametrize("unit", UNITS)
def test_the_predictive_distance_is_in_the_units_of_x(unit, pair):
    predictive, x_o = pair[1], torch.zeros(1, 2)
    assert ppc(unit * predictive, unit * x_o) == pytest.approx(unit * ppc(predictive, x_o), rel=1e-5)


@pytest.mark.parametrize("unit", [1e-21, 1e-9, 1e25])
def test_tarp_does_not_depend_on_the_unit(unit):
    generator = torch.Generator().manual_seed(0)
    theta = torch.rand(150, 2, generator=generator)
    samples = torch.rand(50, 150, 2, generator=generator)
    x = torch.zeros(150, 1)
    curves = []
    for factor in (1.0, unit):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            curves.append(CalibrationPairs(factor * theta, x, factor * samples).tarp)
    np.testing.assert_allclose(*curves, atol=0.06)
