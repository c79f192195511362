import pytest
import torch
from scipy.stats import kstwo

import tasks
from bench.metrics import MetricError
from bench.metrics.calibration import calibrate, scores
from bench.metrics.calibration_pairs import LEVELS, NUM_SAMPLES, CalibrationPairs
from methods import Posterior


class Gaussian(Posterior):
    """The posterior of gaussian_linear, N(x / 2, 0.05 I), shifted and widened."""

    def __init__(self, shift=0.0, widen=1.0):
        self.shift, self.scale = shift, widen * 0.05**0.5

    def sample(self, sample_shape, x):
        return 0.5 * x + self.shift + self.scale * torch.randn(*sample_shape, x.shape[1])


@pytest.fixture(scope="module")
def task():
    return tasks.get("gaussian_linear")


def test_the_exact_posterior_is_calibrated(task):
    row = calibrate(task, Gaussian(), 300, 0)
    assert row["sbc_ks"] < kstwo.isf(1e-4 / 10, 300)  # the statistic is the largest of ten
    # Distances between curves: the mean of |B| of a Brownian bridge B exceeds 1 with probability 1 in 10 000.
    assert row["coverage_error"] < 1.0 / 300**0.5
    assert row["tarp_ece"] < 1.0 / 300**0.5
    assert len(row["sbc_curve"]) == 10 * len(LEVELS)


@pytest.mark.parametrize(("widen", "sign"), [(0.5, -1), (2.0, 1)])
def test_too_narrow_and_too_wide_are_seen_and_told_apart(task, widen, sign):
    row = calibrate(task, Gaussian(widen=widen), 200, 0)
    assert row["coverage_error"] > 0.1
    assert row["tarp_ece"] > 0.03
    middle = len(LEVELS) // 2
    assert sign * (row["coverage_curve"][middle] - LEVELS[middle]) > 0.1


def test_a_shift_is_seen_by_ranks(task):
    assert calibrate(task, Gaussian(shift=0.2), 200, 0)["sbc_ks"] > 0.2


def test_pairs_depend_on_task_and_seed_alone_and_the_global_state_is_kept(task):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = calibrate(task, Gaussian(), 100, 0)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(4)
    assert calibrate(task, Gaussian(), 100, 0) == first
    assert calibrate(task, Gaussian(), 100, 1) != first


def test_samples_that_are_not_finite_are_an_error():
    theta, x = torch.randn(100, 2), torch.randn(100, 3)
    samples = torch.randn(NUM_SAMPLES, 100, 2)
    samples[0, 0, 0] = torch.nan
    with pytest.raises(MetricError, match="not finite"):
        scores(CalibrationPairs(theta, x, samples))


def test_too_few_finite_simulations_are_an_error(task):
    class Failing(type(task)):
        def simulate(self, theta, seed):
            return (
                super().simulate(theta, seed).masked_fill(torch.arange(len(theta))[:, None] > 50, torch.nan)
            )

    with pytest.raises(MetricError, match="51 of 120"):
        calibrate(Failing(), Gaussian(), 120, 0)
