"""x from an equal mixture of N(theta, I) and N(theta, 0.01 I), theta ~ U(-10, 10)^2."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal

from tasks.contract.base import Card
from tasks.contract.registry import register_task
from tasks.sbibm.sbibm_task import SBIBM
from tasks.sbibm.simulated import SimulatedBySbibm, box
from tasks.tools.marginals import grid_quantiles

__all__ = ["GaussianMixture"]


@register_task("gaussian_mixture")
class GaussianMixture(SimulatedBySbibm):
    """x from an equal mixture of N(theta, I) and N(theta, 0.01 I), theta ~ U(-10, 10)^2."""

    folder = "gaussian_mixture"
    dim_theta, dim_x = 2, 2
    card = Card(
        summary="Common mean of two Gaussians, one ten times as wide as the other (a spike on a broad base).",
        noise="equal mixture of standard deviations 1 and 0.1, shared by both dimensions",
        reference="draws of the mixture centred on x, those outside the prior rejected",
        certificate="exact by rejection; sbibm 1.1.0 has the corrected simulator",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """Uniform on [-10, 10]^2."""
        return box(10.0, 2)

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log of the two-component mixture density, ``(N,)``."""
        parts = [Normal(theta, scale).log_prob(x).sum(-1) for scale in (1.0, 0.1)]
        return torch.logaddexp(*parts) - math.log(2.0)

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """From the posterior density on a grid six standard deviations wide to either side, ``(Q, 2)``."""
        x = self.observation(num_observation).double()
        low, high = ((x[0] + offset).clamp(-10.0, 10.0) for offset in (-6.0, 6.0))
        return grid_quantiles(lambda theta: self.log_likelihood(theta, x), low, high, levels)
