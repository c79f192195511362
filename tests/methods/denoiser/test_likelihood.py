import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from methods.denoiser.likelihood import log_likelihood


class Exact(nn.Module):
    """The exact velocity for residuals N(mean, spread²) in each column."""

    def __init__(self, mean, spread):
        super().__init__()
        self.mean, self.spread = mean, spread

    def forward(self, z, log_noise, c):
        time = log_noise.exp().atan()
        alpha, beta = time.cos(), time.sin()
        variance = alpha**2 * self.spread**2 + beta**2
        denoised = self.mean + alpha * self.spread**2 / variance * (z - alpha * self.mean)
        return (alpha * z - denoised) / beta


@pytest.mark.parametrize(("spread", "tolerance"), [(1.0, 1e-3), (0.5, 2e-3), (0.1, 0.01), (0.02, 0.03)])
def test_a_gaussian_has_its_own_density(spread, tolerance):
    torch.manual_seed(0)
    exact = Independent(Normal(torch.full((2,), 0.7), torch.full((2,), spread)), 1)
    w = exact.sample((200,))
    found = log_likelihood(Exact(0.7, spread), w, torch.zeros(1, 1))
    assert float((found - exact.log_prob(w)).abs().mean()) < tolerance


def test_the_error_falls_with_the_square_of_the_step():
    w = torch.tensor([[0.3, 0.9]], dtype=torch.float64)
    exact = float(Independent(Normal(torch.full((2,), 0.7), torch.full((2,), 0.5)), 1).log_prob(w))
    network = Exact(0.7, 0.5)
    coarse, fine = (abs(float(log_likelihood(network, w, torch.zeros(1, 1), n)) - exact) for n in (8, 16))
    assert 1.6 < math.log2(coarse / fine) < 2.4
