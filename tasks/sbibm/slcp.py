"""Simple likelihood, complex posterior: four draws of a 2-D Gaussian with five parameters."""

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
    """Simple likelihood, complex posterior: four draws of a 2-D Gaussian with five parameters."""

    folder = "slcp"
    dim_theta, dim_x = 5, 8
    card = Card(
        summary="Mean and covariance of a 2-D Gaussian from four draws: four symmetric modes, vertical cuts.",
        noise="Gaussian, covariance given by theta",
        reference="rejection sampling with a flow fitted to importance samples",
        certificate="rejection against the exact likelihood (sbibm)",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """Uniform on [-3, 3]^5."""
        return box(3.0, 5)

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Sum over the four draws of the bivariate Gaussian's log density, ``(N,)``."""
        s1, s2, rho = theta[:, 2] ** 2, theta[:, 3] ** 2, torch.tanh(theta[:, 4])
        cov = torch.stack([s1**2, rho * s1 * s2, rho * s1 * s2, s2**2], dim=-1).reshape(-1, 2, 2)
        cov = cov + 1e-6 * torch.eye(2, dtype=cov.dtype, device=cov.device)  # as sbibm's simulator does
        density = MultivariateNormal(theta[:, None, :2], covariance_matrix=cov[:, None])
        return density.log_prob(x.reshape(-1, 4, 2)).sum(-1)
