"""x ~ N(theta, 0.1 I) under theta ~ N(0, 0.1 I), both in ten dimensions."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, MultivariateNormal, Normal

from tasks.contract.base import Card
from tasks.contract.registry import register_task
from tasks.sbibm.sbibm_task import SBIBM
from tasks.sbibm.simulated import SimulatedBySbibm

__all__ = ["GaussianLinear"]


@register_task("gaussian_linear")
class GaussianLinear(SimulatedBySbibm):
    """x ~ N(theta, 0.1 I) under theta ~ N(0, 0.1 I), both in ten dimensions."""

    folder = "gaussian_linear"
    dim_theta, dim_x = 10, 10
    card = Card(
        summary="Mean of a ten-dimensional Gaussian under a Gaussian prior (unimodal, closed form).",
        noise="Gaussian, variance 0.1 in each dimension",
        reference="exact draws of the Gaussian posterior",
        certificate="closed form",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """N(0, 0.1 I): sbibm's prior_scale is a variance."""
        return MultivariateNormal(torch.zeros(10), covariance_matrix=0.1 * torch.eye(10))

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log N(x; theta, 0.1 I), ``(N,)``."""
        return Normal(theta, math.sqrt(0.1)).log_prob(x).sum(-1)

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """Of N(x / 2, 0.05 I), ``(Q, 10)``."""
        x = self.observation(num_observation).double()
        return Normal(0.5 * x, math.sqrt(0.05)).icdf(levels.double()[:, None])

    def gaussian_posterior(self, num_observation: int) -> MultivariateNormal | None:
        """N(x / 2, 0.05 I), float64."""
        x = self.observation(num_observation)[0].double()
        return MultivariateNormal(0.5 * x, covariance_matrix=0.05 * torch.eye(10, dtype=torch.float64))
