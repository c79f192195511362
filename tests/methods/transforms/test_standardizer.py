import torch

from methods.transforms.standardizer import Standardizer


def test_round_trip_and_unit_scale():
    torch.manual_seed(0)
    values = torch.randn(500, 3) * torch.tensor([1e-3, 1.0, 1e4]) + 5
    scale = Standardizer.fit(values)
    scaled = scale(values)
    assert scaled.mean(0).abs().max() < 1e-3
    assert (scaled.std(0) - 1).abs().max() < 1e-3
    torch.testing.assert_close(scale.inverse(scaled), values, rtol=1e-4, atol=1e-3)


def test_a_constant_column_stays_finite():
    values = torch.cat([torch.zeros(10, 1), torch.full((10, 1), 7.0), torch.randn(10, 1)], dim=1)
    scaled = Standardizer.fit(values)(values)
    assert scaled.isfinite().all()
    assert (scaled[:, :2] == 0).all()
