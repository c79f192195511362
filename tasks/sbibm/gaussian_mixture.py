"""The common mean of two Gaussians of different width."""

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
    """Infer the common mean of two Gaussians, one ten times as wide as the other, from one draw.

    The prior is theta ~ U(-10, 10)^2, and the data x are drawn from N(theta, I) or N(theta, 0.01 I), each
    with probability 1/2. The posterior is a narrow spike on a broad base. The reference consists of exact
    draws: the mixture is centred on x, and draws outside the prior are rejected.

    Prior, simulator, observations and reference are those of sbibm 1.1.0 (Lueckmann et al. 2021); this
    version has the corrected simulator.
    """

    folder = "gaussian_mixture"
    dim_theta, dim_x = 2, 2
    card = Card(
        summary="Infer the common mean of a narrow and a broad Gaussian (a spike on a broad base).",
        noise="equal mixture of standard deviations 1 and 0.1, shared by both dimensions",
        reference="draws from the mixture centred on x; those outside the prior are rejected",
        certificate="exact by rejection; sbibm 1.1.0 has the corrected simulator",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """The uniform prior on [-10, 10]^2."""
        return box(10.0, 2)

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log density of the two-component mixture in nats, ``(N,)``."""
        parts = [Normal(theta, scale).log_prob(x).sum(-1) for scale in (1.0, 0.1)]
        return torch.logaddexp(*parts) - math.log(2.0)

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """Quantiles ``(Q, 2)`` by the posterior density on a grid.

        The grid reaches six standard deviations of the wide component to either side of x, within the prior.
        """
        x = self.observation(num_observation).double()
        low, high = ((x[0] + offset).clamp(-10.0, 10.0) for offset in (-6.0, 6.0))
        return grid_quantiles(lambda theta: self.log_likelihood(theta, x), low, high, levels)
