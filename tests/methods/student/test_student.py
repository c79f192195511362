import pytest
import torch

from methods.student import fit_student, generate_labels


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
        error = (network(torch.cat([z, x], dim=1)) - teacher(z, x)).square().mean()
    assert error < 0.01
