from functools import partial

import pytest
import torch

from methods.student import (
    Labels,
    OnePassPosterior,
    PlainNetwork,
    between_neighbours,
    fit_student,
    generate_labels,
    jittered,
)

OPTIONS = {"batch_size": 256, "learning_rate": 5e-3, "seed": 0}


def plain(width, depth):
    return partial(PlainNetwork, width=width, depth=depth)


def teacher(z, x):
    return x[:, :2] + 0.5 * z


@pytest.fixture
def labels():
    torch.manual_seed(0)
    conditions = jittered(torch.randn(300, 3), 2000, 0.1, seed=1)
    return generate_labels(teacher, conditions, dim_theta=2, seed=1)


@pytest.mark.usefixtures("untouched_random_state")
def test_labels_are_the_teachers_and_repeatable():
    x = torch.arange(12.0).reshape(4, 3)
    first, again = (
        generate_labels(teacher, jittered(x, 10, 0.0, seed=1), dim_theta=2, seed=1) for _ in range(2)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert torch.equal(first.theta, teacher(first.z, first.x))
    assert torch.equal(first.x[:4], x)
    assert torch.equal(first.x[4:8], x)


def test_jitter_has_its_width(labels):
    assert labels.x.unique(dim=0).shape[0] == 2000


def test_conditions_lie_between_near_neighbours():
    """For data on a circle, draws between neighbours stay near it and use each point equally often."""
    angle = torch.linspace(0, 6.28, 200)
    x = torch.stack([angle.cos(), angle.sin()], dim=1)
    drawn = between_neighbours(x, 1000, seed=0)
    assert drawn.shape == (1000, 2)
    assert (drawn.norm(dim=1) - 1).abs().max() < 0.01
    assert len(drawn.unique(dim=0)) == 1000
    assert torch.equal(drawn, between_neighbours(x, 1000, seed=0))
    assert between_neighbours(x[:2], 5, seed=0).shape == (5, 2)


def test_the_student_learns_the_map(labels):
    network = fit_student(labels, plain(32, 2), standardize=True, steps=800, **OPTIONS)
    z, x = torch.randn(500, 2), torch.randn(500, 3)
    with torch.no_grad():
        error = (network(z, x) - teacher(z, x)).square().mean()
    assert error < 0.01  # the variance is 1.25; after training, four seeds gave 0.001


def test_the_units_of_the_labels_do_not_matter(labels):
    """Data in any unit are standardised at the input, and theta is scaled back at the output."""
    small = Labels(labels.z, 7.0 + 1e-3 * labels.x, 100.0 * labels.theta)
    options = {"standardize": True, "steps": 200, **OPTIONS}
    usual, scaled = (fit_student(which, plain(16, 1), **options) for which in (labels, small))
    z, x = torch.randn(50, 2), torch.randn(50, 3)
    with torch.no_grad():
        torch.testing.assert_close(scaled(z, 7.0 + 1e-3 * x), 100.0 * usual(z, x), rtol=0, atol=1.0)


def test_sampling_in_parts_is_sampling_at_once(labels, monkeypatch):
    """The first layer runs once per row of x; neither this nor sampling in parts changes a sample."""
    network = fit_student(labels, plain(16, 2), standardize=True, steps=50, **OPTIONS)
    posterior = OnePassPosterior(
        [network], 2, lambda x: x, lambda theta, c: theta + c[:, :2], torch.device("cpu")
    )
    x = torch.randn(3, 3)
    monkeypatch.setattr("methods.student.student.CACHED", 7)
    torch.manual_seed(0)
    drawn = posterior.sample_batched((50,), x)
    torch.manual_seed(0)
    z = torch.randn(50, 3, 2)
    with torch.no_grad():
        expected = network(z.flatten(0, 1), x.repeat(50, 1)).unflatten(0, (50, 3)) + x[:, :2]
    torch.testing.assert_close(drawn, expected)


def test_students_follow_each_other():
    class Step(torch.nn.Module):
        def __init__(self, factor, shift):
            super().__init__()
            self.factor, self.shift = factor, shift

        def forward(self, z, c):
            return self.factor * z + self.shift * c

    posterior = OnePassPosterior(
        [Step(1, 1), Step(10, 0)], 2, lambda x: x, lambda theta, c: theta, torch.device("cpu")
    )
    torch.manual_seed(0)
    drawn = posterior.sample((5,), torch.tensor([[1.0, 2.0]]))
    torch.manual_seed(0)
    torch.testing.assert_close(drawn, 10 * (torch.randn(5, 1, 2)[:, 0] + torch.tensor([1.0, 2.0])))
    assert posterior.nfe == 2
