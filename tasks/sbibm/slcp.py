"""A task with a simple likelihood and a complex posterior (SLCP)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution, MultivariateNormal

from tasks.contract.base import Card
from tasks.contract.registry import register_task
from tasks.sbibm.sbibm_task import SBIBM
from tasks.sbibm.simulated import SimulatedBySbibm, box

__all__ = ["SLCP"]


@register_task("slcp")
class SLCP(SimulatedBySbibm):
    """Infer mean and covariance of a 2-D Gaussian from four draws: simple likelihood, complex posterior.

    The prior is theta ~ U(-3, 3)^5. The data are four draws from N((theta_1, theta_2), S) with

        S = [[s1², rho s1 s2], [rho s1 s2, s2²]],   s1 = theta_3², s2 = theta_4², rho = tanh(theta_5).

    The data's distribution does not depend on the signs of theta_3 and theta_4, so the posterior has four
    symmetric modes, and the prior's bounds truncate it. sbibm made the reference by rejection sampling with a
    flow that was fitted to importance samples.

    Prior, simulator, observations and reference are those of sbibm 1.1.0 (Lueckmann et al. 2021).
    """

    folder = "slcp"
    dim_theta, dim_x = 5, 8
    card = Card(
        summary="Infer mean and covariance of a 2-D Gaussian from four draws: four modes, cut by the prior.",
        noise="Gaussian, covariance given by theta",
        reference="rejection sampling with a flow fitted to importance samples",
        certificate="rejection against the exact likelihood (sbibm)",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """The uniform prior on [-3, 3]^5."""
        return box(3.0, 5)

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Sum of the bivariate Gaussian's log densities over the four draws, in nats, ``(N,)``."""
        s1, s2, rho = theta[:, 2] ** 2, theta[:, 3] ** 2, torch.tanh(theta[:, 4])
        cov = torch.stack([s1**2, rho * s1 * s2, rho * s1 * s2, s2**2], dim=-1).reshape(-1, 2, 2)
        cov = cov + 1e-6 * torch.eye(2, dtype=cov.dtype, device=cov.device)  # as sbibm's simulator does
        density = MultivariateNormal(theta[:, None, :2], covariance_matrix=cov[:, None])
        return density.log_prob(x.reshape(-1, 4, 2)).sum(-1)
