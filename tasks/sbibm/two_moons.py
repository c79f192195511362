"""A noisy crescent whose position depends on theta through an absolute value: two crescent-shaped modes."""

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
    """Infer two parameters from one point on a noisy crescent; the posterior has two crescent-shaped modes.

    The prior is theta ~ U(-1, 1)^2. The data are

        x = (r cos a + 0.25, r sin a) + (-|theta_1 + theta_2|, theta_2 - theta_1) / sqrt(2)

    with radius r ~ N(0.1, 0.01²) and angle a ~ U(-pi/2, pi/2). The absolute value makes the posterior
    bimodal. The reference consists of exact draws: the simulator is inverted.

    Prior, simulator, observations and reference are those of sbibm 1.1.0 (Lueckmann et al. 2021).
    """

    folder = "two_moons"
    dim_theta, dim_x = 2, 2
    card = Card(
        summary="Infer two parameters from a point on a noisy crescent: two thin, separate crescents.",
        noise="radius N(0.1, 0.01²), angle uniform on (-π/2, π/2)",
        reference="exact draws by inverting the simulator",
        certificate="closed form",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """The uniform prior on [-1, 1]^2."""
        return box(1.0, 2)

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log p(x | theta) in nats, ``(N,)``.

        Radius r and angle a are independent, and a change of variables to (u, v) = (r cos a, r sin a) gives
        d(u, v) = r dr da. The resulting factor 1/r is included here. sbibm's own likelihood leaves it out,
        while its reference samples contain it.
        """
        root = math.sqrt(0.5)
        u = x[:, 0] + (theta[:, 0] + theta[:, 1]).abs() * root - 0.25
        v = x[:, 1] - (theta[:, 1] - theta[:, 0]) * root
        r = torch.hypot(u, v)
        log_p = Normal(0.1, 0.01).log_prob(r) - math.log(math.pi) - r.clamp_min(1e-30).log()
        return torch.where(u > 0, log_p, -torch.inf)

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """Quantiles ``(Q, 2)`` by the posterior density on a grid over the prior's box."""
        x = self.observation(num_observation).double()
        corner = torch.ones(2)
        return grid_quantiles(lambda theta: self.log_likelihood(theta, x), -corner, corner, levels, 2000)
