import pytest
import torch

from methods.student import BranchedNetwork, Labels, fit_student


def torn(z, x):
    """A map with two modes: noise above x is moved up by one, noise below x is moved down by one."""
    return 0.2 * z + 2.0 * (z > x).float() - 1.0


@pytest.mark.slow
def test_branches_leave_nothing_between_the_modes():
    torch.manual_seed(0)
    z, x = torch.randn(20_000, 1), 0.3 * torch.randn(20_000, 1)
    labels = Labels(z, x, torn(z, x))

    def between(branches):
        student = fit_student(
            labels,
            lambda dim_theta, dim_x: BranchedNetwork(dim_theta, dim_x, 32, 2, branches),
            standardize=False,
            steps=400,
            batch_size=512,
            learning_rate=5e-3,
            seed=0,
        )
        fresh = torch.randn(200_000, 1)
        with torch.no_grad():
            theta = student(fresh, torch.zeros(1, 1).expand(200_000, 1))
        return int((theta.abs() < 0.3).sum()), float((theta > 0).float().mean())

    torch.manual_seed(1)
    strewn, _ = between(1)
    clean, upper = between(2)
    # Of 200 000 draws, five seeds gave 100 to 140 with a plain network and 0 to 8 with branches.
    assert clean < 0.25 * strewn
    assert upper == pytest.approx(0.5, abs=0.05)


def test_shapes_with_leading_dimensions():
    network = BranchedNetwork(2, 3, 16, 1, branches=4)
    assert network(torch.randn(5, 6, 2), torch.randn(5, 6, 3)).shape == (5, 6, 2)
    assert network.loss(torch.randn(9, 2), torch.randn(9, 3), torch.randn(9, 2)).isfinite()
