"""The mean of a ten-dimensional Gaussian under a uniform prior."""

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
    """Infer the mean of a ten-dimensional Gaussian from one draw, under a uniform prior.

    The prior is theta ~ U(-1, 1)^10, the data are x ~ N(theta, 0.1 I), and the posterior is N(x, 0.1 I)
    truncated to the prior's box. The reference consists of exact draws from it, by rejection.

    Prior, simulator, observations and reference are those of sbibm 1.1.0 (Lueckmann et al. 2021).
    """

    folder = "gaussian_linear_uniform"
    card = Card(
        summary="Infer the mean of a ten-dimensional Gaussian under a uniform prior (truncated posteriors).",
        noise="Gaussian, variance 0.1 in each dimension",
        reference="draws from the Gaussian likelihood; those outside the prior are rejected",
        certificate="exact by rejection",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """The uniform prior on [-1, 1]^10."""
        return box(1.0, 10)

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """Quantiles of the marginals of N(x, 0.1 I) truncated to [-1, 1], ``(Q, 10)``."""
        x = self.observation(num_observation).double()
        lower, upper = -torch.ones_like(x), torch.ones_like(x)
        whole = Normal(x, math.sqrt(0.1))
        low, high = whole.cdf(lower), whole.cdf(upper)
        return whole.icdf(low + levels.double()[:, None] * (high - low))

    def gaussian_posterior(self, num_observation: int) -> None:
        """None, because the truncated posterior is not normal."""
        return None
