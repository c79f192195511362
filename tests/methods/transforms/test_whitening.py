import pytest
import torch

from methods.transforms.whitening import Whitening, participation_ratio


def test_principal_components_have_unit_variance_the_largest_first():
    values = torch.randn(500, 3, dtype=torch.float64) @ torch.randn(3, 3, dtype=torch.float64) + 7.0
    whiten = Whitening.fit(values)
    torch.testing.assert_close(whiten(values).T.cov(), torch.eye(3, dtype=torch.float64))
    assert (whiten.deviations.diff() < 0).all()
    torch.testing.assert_close(whiten.inverse(whiten(values)), values)
    jacobian = torch.autograd.functional.jacobian(lambda v: whiten(v[None])[0], values[0])
    torch.testing.assert_close(whiten.log_slope, jacobian.det().abs().log())


def test_directions_that_never_vary_are_left_out():
    line = torch.randn(50, 1).double() @ torch.tensor([[1.0, 2.0, -1.0]]).double()
    whiten = Whitening.fit(line)
    assert whiten(line).shape == (50, 1)
    torch.testing.assert_close(whiten.inverse(whiten(line)), line)


def test_participation_ratio():
    assert participation_ratio(torch.eye(4)) == 4.0
    assert participation_ratio(torch.diag(torch.tensor([2.0, 1.0]))) == pytest.approx(9 / 5)
