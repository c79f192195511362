import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from methods.denoiser.flow import DenoiserFlow
from methods.denoiser.touch_up import touched_up


class Velocity(nn.Module):
    """The exact velocity for residuals that are standard normal: zero."""

    def forward(self, z, log_noise, c):
        return torch.zeros_like(z)


BASE = SimpleNamespace(
    encode_x=lambda x: x, whiten=lambda theta, c: theta, theta=lambda w, c: w
)  # theta is its own residual


def test_a_touch_up_keeps_an_exact_sample(monkeypatch):
    theta = torch.randn(4000, 3, 2)
    flow = DenoiserFlow(Velocity())
    refined = touched_up(BASE, flow, theta, torch.zeros(3, 1), 4)
    moved = refined - theta
    # Noise of an angle of 0.1 moves a sample by (2 - 2 cos 0.1)^½ standard deviations.
    assert float(moved.std()) == pytest.approx((2 - 2 * math.cos(0.1)) ** 0.5, rel=0.05)
    assert float(refined.mean()) == pytest.approx(0.0, abs=4.5 / 24_000**0.5)
    assert float(refined.std()) == pytest.approx(1.0, abs=4.5 / 48_000**0.5)
    monkeypatch.setattr("methods.denoiser.touch_up.CALLED", 100)
    assert touched_up(BASE, flow, theta, torch.zeros(3, 1), 4).shape == theta.shape


def test_a_touch_up_sharpens_blurred_samples_of_each_observation(narrow):
    c = torch.tensor([[0.0], [0.5]])
    blurred = c[None] + 0.06 * torch.randn(4000, 2, 1)
    refined = touched_up(BASE, DenoiserFlow(narrow), blurred, c, 4)
    before, after = (part.std(0).squeeze() for part in (blurred, refined))
    assert (after < 0.75 * before).all()
    assert (after > 0.9 * narrow.spread).all()
    assert ((refined.mean(0) - c).abs() < 0.005).all()
