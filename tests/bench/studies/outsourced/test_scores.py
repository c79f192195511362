import pytest
import torch

import tasks
from bench.studies.outsourced import diversity, measured, share_right


def test_diversity_of_equal_and_of_different_images():
    assert diversity(torch.ones(10, 64)) == 0.0
    two = torch.cat([torch.zeros(5, 64), torch.ones(5, 64)])
    assert diversity(two) == pytest.approx(8.0)
    torch.manual_seed(0)
    assert diversity(torch.randn(4000, 64)) == pytest.approx(128**0.5, rel=0.01)


def test_right_digits_are_those_that_the_classifier_takes_for_the_label():
    task = tasks.get("digits_label")
    theta = torch.cat([task.true_theta(k) for k in range(1, 11)])
    taken = task.classify(task.images(theta)).argmax(1)
    for k in (1, 4):
        expected = float((taken == k - 1).double().mean())
        assert share_right(task, theta, task.observation(k)) == pytest.approx(expected)
        assert expected > 0.0
    half = tasks.get("digits_prior")
    assert torch.tensor(share_right(half, theta, half.observation(1))).isnan()


def test_other_draws_of_the_reference_are_at_the_noise_floor_and_one_point_is_not(monkeypatch):
    task = tasks.get("digits_label")
    monkeypatch.setattr(type(task), "num_observations", 2)
    row, samples = measured(task, lambda k: task.reference_samples(k), 400)
    assert row["c2st"] == pytest.approx(0.5, abs=0.06)
    assert row["right"] > 0.9
    assert {k: theta.shape for k, theta in samples.items()} == {1: (400, 2), 2: (400, 2)}
    assert row["log_reward"] == pytest.approx(
        sum(float(task.log_likelihood(samples[k], task.observation(k)).mean()) for k in (1, 2)) / 2
    )
    point, _ = measured(task, lambda k: task.true_theta(k).expand(50, -1), 400)
    assert point["c2st"] > 0.95
    assert point["diversity"] == 0.0
