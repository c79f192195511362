"""As gaussian_linear, under theta ~ U(-1, 1)^10."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal

from tasks.contract.base import Card
from tasks.contract.registry import register_task
from tasks.sbibm.gaussian_linear import GaussianLinear
from tasks.sbibm.sbibm_task import SBIBM
from tasks.sbibm.simulated import box

__all__ = ["GaussianLinearUniform"]


@register_task("gaussian_linear_uniform")
class GaussianLinearUniform(GaussianLinear):
    """As gaussian_linear, under theta ~ U(-1, 1)^10."""

    folder = "gaussian_linear_uniform"
    card = Card(
        summary="Mean of a ten-dimensional Gaussian under a uniform prior (posteriors cut by the bounds).",
        noise="Gaussian, variance 0.1 in each dimension",
        reference="draws of the Gaussian likelihood, those outside the prior rejected",
        certificate="exact by rejection",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """Uniform on [-1, 1]^10."""
        return box(1.0, 10)

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """Of N(x, 0.1 I) cut off at -1 and 1, ``(Q, 10)``."""
        x = self.observation(num_observation).double()
        lower, upper = -torch.ones_like(x), torch.ones_like(x)
        whole = Normal(x, math.sqrt(0.1))
        low, high = whole.cdf(lower), whole.cdf(upper)
        return whole.icdf(low + levels.double()[:, None] * (high - low))

    def gaussian_posterior(self, num_observation: int) -> None:
        """None: the bounds cut the normal off."""
        return None
