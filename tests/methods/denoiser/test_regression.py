import math

import torch

from methods.denoiser import MeanRegression


def test_curved_means_are_found_and_residuals_are_white():
    torch.manual_seed(0)
    c = torch.randn(600, 2)
    mean = torch.stack([(2 * c[:, 0]).sin(), c[:, 1].abs()], dim=1)
    y = mean + 0.1 * torch.randn(600, 2)
    regression = MeanRegression(c, y)
    fresh = torch.randn(1000, 2)
    truth = torch.stack([(2 * fresh[:, 0]).sin(), fresh[:, 1].abs()], dim=1)
    error = (regression(fresh, torch.zeros(1000, 2)) - truth).abs().median()
    assert error < 0.05
    torch.testing.assert_close(regression.whitened.T.cov(), torch.eye(2), rtol=0, atol=0.05)
    seen = regression.whiten(fresh, truth + 0.1 * torch.randn(1000, 2))
    assert 0.7 < float(seen.std()) < 1.3


def test_a_linear_mean_needs_no_radial_features():
    torch.manual_seed(0)
    c = torch.randn(300, 3)
    y = c @ torch.tensor([[1.0], [2.0], [-1.0]]) + 0.5 * torch.randn(300, 1)
    regression = MeanRegression(c, y)
    at = torch.tensor([[1.0, 1.0, 1.0]])
    # 4.5 standard errors, for the sum of the three coefficients and for the mean.
    error = 4.5 * 0.5 * (3 / 300) ** 0.5
    assert math.isclose(float(regression(at, torch.zeros(1, 1))), 2.0, abs_tol=error + 0.03)
    # Far from the data, radial features would vanish, while a linear mean extrapolates.
    assert math.isclose(float(regression(30 * at, torch.zeros(1, 1))), 60.0, abs_tol=30 * error + 1.0)


def test_draws_and_residuals_are_inverse():
    torch.manual_seed(0)
    c, y = torch.randn(100, 2), torch.randn(100, 3)
    regression = MeanRegression(c, y)
    torch.testing.assert_close(regression(c, regression.whiten(c, y)), y, rtol=1e-4, atol=1e-4)
