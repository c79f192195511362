import pytest
import torch

from methods.student import Labels, fit_student, generate_labels


def teacher(z, x):
    return x[:, :2] + 0.5 * z


@pytest.fixture
def labels():
    torch.manual_seed(0)
    return generate_labels(teacher, torch.randn(300, 3), num_labels=2000, dim_theta=2, jitter=0.1, seed=1)


@pytest.mark.usefixtures("untouched_random_state")
def test_labels_are_the_teachers_and_repeatable():
    x = torch.arange(12.0).reshape(4, 3)
    first = generate_labels(teacher, x, num_labels=10, dim_theta=2, jitter=0.0, seed=1)
    again = generate_labels(teacher, x, num_labels=10, dim_theta=2, jitter=0.0, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert torch.equal(first.theta, teacher(first.z, first.x))
    assert torch.equal(first.x[:4], x)
    assert torch.equal(first.x[4:8], x)


def test_jitter_has_its_width(labels):
    assert labels.x.unique(dim=0).shape[0] == 2000


def test_the_student_learns_the_map(labels):
    network = fit_student(labels, width=32, depth=2, steps=800, batch_size=256, learning_rate=5e-3, seed=0)
    z, x = torch.randn(500, 2), torch.randn(500, 3)
    with torch.no_grad():
        error = (network(z, x) - teacher(z, x)).square().mean()
    assert error < 0.01


def test_the_units_of_the_labels_do_not_matter(labels):
    """Data of a narrow range, as in physical units, are standardised on the way in, theta on the way out."""
    small = Labels(labels.z, 7.0 + 1e-3 * labels.x, 100.0 * labels.theta)
    options = {"width": 16, "depth": 1, "steps": 200, "batch_size": 256, "learning_rate": 5e-3, "seed": 0}
    plain, scaled = fit_student(labels, **options), fit_student(small, **options)
    z, x = torch.randn(50, 2), torch.randn(50, 3)
    with torch.no_grad():
        torch.testing.assert_close(scaled(z, 7.0 + 1e-3 * x), 100.0 * plain(z, x), rtol=0, atol=1.0)
