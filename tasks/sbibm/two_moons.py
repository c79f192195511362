"""A crescent whose position is a folded rotation of theta: two crescents as the posterior."""

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

__all__ = ["TwoMoons"]


@register_task("two_moons")
class TwoMoons(SimulatedBySbibm):
    """A crescent whose position is a folded rotation of theta: two crescents as the posterior."""

    folder = "two_moons"
    dim_theta, dim_x = 2, 2
    card = Card(
        summary="Two crescent-shaped modes, locally thin and globally separate.",
        noise="radius N(0.1, 0.01²), angle uniform on (-π/2, π/2)",
        reference="exact draws by inverting the simulator",
        certificate="closed form",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """Uniform on [-1, 1]^2."""
        return box(1.0, 2)

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log p(x | theta), ``(N,)``: radius and angle are independent, and d(u, v) = r dr da.

        The factor 1/r is in (sbibm's own likelihood leaves it out; its reference samples have it).
        """
        root = math.sqrt(0.5)
        u = x[:, 0] + (theta[:, 0] + theta[:, 1]).abs() * root - 0.25
        v = x[:, 1] - (theta[:, 1] - theta[:, 0]) * root
        r = torch.hypot(u, v)
        log_p = Normal(0.1, 0.01).log_prob(r) - math.log(math.pi) - r.clamp_min(1e-30).log()
        return torch.where(u > 0, log_p, -torch.inf)

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """From the posterior density on a grid over the prior's box, ``(Q, 2)``."""
        x = self.observation(num_observation).double()
        corner = torch.ones(2)
        return grid_quantiles(lambda theta: self.log_likelihood(theta, x), -corner, corner, levels, 2000)
