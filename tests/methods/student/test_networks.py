import torch

from methods.student import BranchedNetwork, Labels, fit_student


def torn(z, x):
    """Two modes: noise above x goes up by two, noise below goes down."""
    return 0.2 * z + 2.0 * (z > x).float() - 1.0


def test_branches_leave_nothing_between_the_modes():
    torch.manual_seed(0)
    z, x = torch.randn(20_000, 1), 0.3 * torch.randn(20_000, 1)
    labels = Labels(z, x, torn(z, x))

    def between(branches):
        student = fit_student(
            labels,
            lambda dim_theta, dim_x: BranchedNetwork(dim_theta, dim_x, 32, 2, branches),
            standardize=False,
            steps=800,
            batch_size=512,
            learning_rate=5e-3,
            seed=0,
        )
        fresh = torch.randn(20_000, 1)
        with torch.no_grad():
            theta = student(fresh, torch.zeros(20_000, 1))
        return float((theta.abs() < 0.3).float().mean()), float((theta > 0).float().mean())

    torch.manual_seed(1)
    strewn, _ = between(1)
    clean, upper = between(2)
    assert clean < 0.25 * strewn
    assert 0.45 < upper < 0.55


def test_shapes_with_leading_dimensions():
    network = BranchedNetwork(2, 3, 16, 1, branches=4)
    assert network(torch.randn(5, 6, 2), torch.randn(5, 6, 3)).shape == (5, 6, 2)
    assert network.loss(torch.randn(9, 2), torch.randn(9, 3), torch.randn(9, 2)).isfinite()
