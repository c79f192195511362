"""Metrics compared with sbibm's own functions and with values that are known in closed form."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Independent, LogNormal, Uniform

import tasks
from bench.metrics import (
    MetricError,
    c2st,
    c2st_many,
    c2st_rf,
    c2st_rf_many,
    c2st_sklearn,
    mmd2,
    outside_prior,
    sliced_w2,
)


def stored_pair(name="two_moons", n=400):
    task = tasks.get(name)
    return task.reference_samples(1)[:n], task.reference_samples(2)[:n]


def normal(n, dim, seed, shift=0.0):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed)) + shift


@pytest.mark.parametrize("name", ["two_moons", "slcp"])
def test_the_yardstick_is_sbibms(name):
    import sbibm.metrics as sbibm_metrics

    reference, samples = stored_pair(name, 100)
    assert c2st_sklearn(reference, samples) == pytest.approx(
        float(sbibm_metrics.c2st(reference, samples)), abs=1e-6
    )
    halves = reference[:50], reference[50:]
    assert c2st_sklearn(*halves) == pytest.approx(float(sbibm_metrics.c2st(*halves)), abs=1e-6)


def test_mmd2_is_sbibms():
    import sbibm.metrics as sbibm_metrics

    for reference, samples in (stored_pair(), stored_pair("slcp")):
        assert mmd2(reference, samples) == pytest.approx(
            float(sbibm_metrics.mmd(reference, samples)), abs=1e-5
        )


@pytest.mark.parametrize("name", [pytest.param("two_moons", marks=pytest.mark.slow), "sir"])
def test_c2st_is_the_yardsticks_test(name):
    """Averaged over seeds, the batched C2ST and scikit-learn's agree within the variation between seeds."""
    reference, samples = stored_pair(name, n=300)
    mixed = torch.cat([reference[150:], samples[:150]])  # half of them differ, so C2ST is neither 0.5 nor 1
    yardstick = np.mean([c2st_sklearn(reference, mixed, seed=seed) for seed in (1, 2, 3)])
    # Both see the same rows. A mean of three seeds varies less than it would with another 600 rows.
    assert c2st(reference, mixed, num_seeds=3) == pytest.approx(yardstick, abs=4.5 * 0.5 / math.sqrt(3 * 600))


def accuracy_error(accuracy, size):
    """4.5 standard errors of an accuracy on two times ``size`` rows."""
    return 4.5 * math.sqrt(accuracy * (1.0 - accuracy) / (2 * size))


@pytest.mark.parametrize("dim", [1, 2])
def test_c2st_of_shifted_gaussians_is_the_bayes_accuracy(dim):
    shift, size = 1.0, 4000
    reference, samples = normal(size, dim, 0), normal(size, dim, 1)
    samples[:, 0] += shift
    bayes = 0.5 * (1 + math.erf(shift / 2 / math.sqrt(2)))
    assert c2st(reference, samples) == pytest.approx(bayes, abs=accuracy_error(bayes, size))


@pytest.mark.parametrize("shift", [pytest.param(1.0, marks=pytest.mark.slow), 3.0])
def test_early_stopping_finds_the_bayes_accuracy_in_ten_dimensions_where_the_protocol_overfits(shift):
    reference, samples = normal(10_000, 10, 0), normal(10_000, 10, 1)
    samples += shift / math.sqrt(10)
    bayes = 0.5 * (1 + math.erf(shift / 2 / math.sqrt(2)))
    found = c2st(reference, samples, early_stopping=True)
    assert found == pytest.approx(bayes, abs=accuracy_error(bayes, 10_000))
    # The best rule is evaluated on the same rows, so that their sampling error affects both sides.
    few, others = reference[:500], samples[:500]
    right = torch.cat([few.sum(1) < shift * math.sqrt(10) / 2, others.sum(1) > shift * math.sqrt(10) / 2])
    assert c2st(few, others) < float(right.double().mean())


def test_early_stopping_of_equals_of_strangers_and_in_company():
    pairs = [(normal(2000, 2, 0), normal(2000, 2, 1)), (normal(500, 2, 0), normal(500, 2, 1) + 20.0)]
    equal, far = c2st_many(pairs, early_stopping=True)
    assert equal.mean == pytest.approx(0.5, abs=accuracy_error(0.5, 2000))
    assert far.mean == 1.0
    assert equal.mean == c2st(*pairs[0], early_stopping=True)
    [protocol] = c2st_many(pairs[:1])
    assert not np.array_equal(equal.accuracies, protocol.accuracies)


def test_c2st_of_equals_and_of_strangers():
    assert c2st(normal(4000, 2, 0), normal(4000, 2, 1)) == pytest.approx(0.5, abs=accuracy_error(0.5, 4000))
    assert c2st(normal(500, 2, 0), normal(500, 2, 1) + 20.0) == 1.0


def test_each_fold_and_seed_has_an_accuracy():
    pair = normal(200, 2, 0), normal(200, 2, 1)
    [result] = c2st_many([pair], num_seeds=2)
    assert result.accuracies.shape == (2, 5)
    # Each of the 80 rows of a fold is right or wrong; two folds or seeds may have equally many right rows.
    right = 80 * result.accuracies
    np.testing.assert_allclose(right, right.round(), atol=1e-4)
    assert result.mean == result.accuracies.mean()
    assert result.se == pytest.approx(result.accuracies.std(ddof=1) / math.sqrt(10))
    for row, seed in zip(result.accuracies, (1, 2), strict=True):
        [alone] = c2st_many([pair], seed=seed)
        np.testing.assert_array_equal(alone.accuracies, row[None])
    # Two seeds have different folds; all five accuracies agree by chance with probability 1 in 100 000.
    assert not np.array_equal(*result.accuracies)


def test_a_pair_scores_the_same_whatever_its_company():
    pairs = [stored_pair("two_moons", 150), (normal(101, 2, 0), normal(101, 2, 1)), stored_pair("slcp", 150)]
    together = [result.mean for result in c2st_many(pairs)]
    assert together == [c2st(*pair) for pair in pairs]


def test_mmd2_of_gaussians_is_known():
    """For N(0, 1), N(m, 1) and a kernel of width h, E k = h / sqrt(h² + 2) exp(-m² / (2 (h² + 2)))."""
    reference, samples = normal(4000, 1, 0), normal(4000, 1, 1, shift=1.0)
    h2 = float(torch.pdist(reference).median()) ** 2
    known = 2 * math.sqrt(h2 / (h2 + 2)) * (1 - math.exp(-0.5 / (h2 + 2)))
    # Over twelve seeds, the estimate has a standard deviation of 0.009.
    assert mmd2(reference, samples) == pytest.approx(known, abs=4.5 * 0.009)
    assert abs(mmd2(reference, normal(4000, 1, 2))) < 2e-3


def test_sliced_w2_of_a_shift_and_a_scale():
    reference = normal(5000, 3, 0)
    reference = (reference - reference.mean(0)) / reference.std(0)
    # A shift by s in all three coordinates has a mean square of s² along random directions. The mean over 200
    # directions has a standard error of 6 %, and its root one of 3 %.
    assert sliced_w2(reference, reference + 0.5) == pytest.approx(0.5, rel=4.5 * 0.0316)
    assert sliced_w2(reference, 3 * reference) == pytest.approx(2.0, rel=0.02)
    assert sliced_w2(reference, reference) == 0.0


def test_sliced_w2_of_unequal_numbers():
    small, large = normal(500, 2, 0), normal(5000, 2, 1)
    # In every direction, a mean of 500 has a standard error of 0.045, and their quantiles have about 0.07.
    assert sliced_w2(large, small) < 0.07 + 4.5 * 0.032
    assert sliced_w2(small, large + 1.0) == pytest.approx(1.0, abs=4.5 * math.hypot(0.045, 0.025))


def test_outside_prior():
    box = Independent(Uniform(torch.zeros(2), torch.ones(2)), 1)
    samples = torch.tensor([[0.5, 0.5], [0.5, 1.5], [-0.1, 0.5], [float("nan"), 0.5]])
    assert outside_prior(box, samples) == 0.75
    positive = Independent(LogNormal(torch.zeros(1), torch.ones(1)), 1)
    assert outside_prior(positive, torch.tensor([[1.0], [-1.0]])) == 0.5


GOOD = normal(50, 2, 0)
BAD_PAIRS = {
    "not finite": (GOOD, GOOD.clone().index_fill(0, torch.tensor([3]), torch.nan)),
    "columns": (GOOD, normal(50, 3, 0)),
    "rows": (GOOD, GOOD[:1]),
    "constant": (torch.cat([GOOD, torch.ones(50, 1)], 1), torch.cat([GOOD, torch.ones(50, 1)], 1)),
    "two-dimensional": (GOOD, GOOD[:, 0]),
}


@pytest.mark.parametrize("metric", [c2st, c2st_rf, c2st_sklearn, mmd2, sliced_w2])
@pytest.mark.parametrize("problem", BAD_PAIRS)
def test_bad_samples_are_an_error_and_never_a_number(metric, problem):
    with pytest.raises(MetricError, match=problem):
        metric(*BAD_PAIRS[problem])


C2STS = {
    "c2st": c2st,
    "c2st_many": lambda *pair: c2st_many([pair]),
    "c2st_es": lambda *pair: c2st(*pair, early_stopping=True),
    "c2st_rf": c2st_rf,
    "c2st_rf_many": lambda *pair: c2st_rf_many([pair]),
    "c2st_sklearn": c2st_sklearn,
}


@pytest.mark.parametrize("variant", C2STS)
def test_unequal_numbers_are_an_error_that_says_what_would_do(variant):
    """Without the error, 400 and 100 equal draws would score 0.80, the share of the larger class."""
    many, few = normal(400, 2, 0), normal(100, 2, 1)
    with pytest.raises(MetricError, match=r"400 rows, samples have 100: .*0\.80; use 100 rows of reference$"):
        C2STS[variant](many, few)
    with pytest.raises(MetricError, match=r"100 rows, samples have 400: .*; use 100 rows of samples$"):
        C2STS[variant](few, many)


@pytest.mark.slow
def test_a_metric_changes_nothing():
    reference, samples = normal(20, 2, 0), normal(20, 2, 1)
    copies = reference.clone(), samples.clone()
    np.random.seed(0)
    state = np.random.get_state()[1].copy()
    for metric in (c2st, c2st_rf, c2st_sklearn, mmd2, sliced_w2):
        metric(reference, samples)
    assert torch.equal(reference, copies[0])
    assert torch.equal(samples, copies[1])
    assert (np.random.get_state()[1] == state).all()
