"""The mean of a ten-dimensional Gaussian under a Gaussian prior."""

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
    """Infer the mean of a ten-dimensional Gaussian from one draw, under a Gaussian prior.

    The prior is theta ~ N(0, 0.1 I), the data are x ~ N(theta, 0.1 I), and the posterior is N(x / 2, 0.05 I).
    The reference consists of exact draws from it.

    Prior, simulator, observations and reference are those of sbibm 1.1.0 (Lueckmann et al. 2021).
    """

    folder = "gaussian_linear"
    dim_theta, dim_x = 10, 10
    card = Card(
        summary="Infer the mean of a ten-dimensional Gaussian under a Gaussian prior (one mode, exact).",
        noise="Gaussian, variance 0.1 in each dimension",
        reference="exact draws from the Gaussian posterior",
        certificate="closed form",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """The prior N(0, 0.1 I); sbibm's ``prior_scale`` is a variance."""
        return MultivariateNormal(torch.zeros(10), covariance_matrix=0.1 * torch.eye(10))

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log N(x; theta, 0.1 I) in nats, ``(N,)``."""
        return Normal(theta, math.sqrt(0.1)).log_prob(x).sum(-1)

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """Quantiles of the marginals of N(x / 2, 0.05 I), ``(Q, 10)``."""
        x = self.observation(num_observation).double()
        return Normal(0.5 * x, math.sqrt(0.05)).icdf(levels.double()[:, None])

    def gaussian_posterior(self, num_observation: int) -> MultivariateNormal | None:
        """The exact posterior N(x / 2, 0.05 I), float64."""
        x = self.observation(num_observation)[0].double()
        return MultivariateNormal(0.5 * x, covariance_matrix=0.05 * torch.eye(10, dtype=torch.float64))
