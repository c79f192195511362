"""The trigonometric diffusion: alpha(t) = cos t and beta(t) = sin t for t in [0, pi / 2].

Of data with unit variance it keeps the variance, and a Gaussian N(0, I) stays where it is: with the network's
output F in E[Z_0 | Z_t] = cos(t) Z_t - sin(t) F the probability-flow ODE is just dz/dt = F, so that F = 0 is
exact for such data and whatever a network adds is the departure from it.
Reference: Lu, Song: Simplifying, stabilizing and scaling continuous-time consistency models, ICLR 2025.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Trigonometric"]


@dataclass(frozen=True)
class Trigonometric:
    """Scales and slopes at times t, and the grid of a solver.

    Arguments:
        smallest: beta / alpha of the last time before 0.
        largest: beta / alpha of the first time after pi / 2.
        power: The grid is uniform in (beta / alpha)^(1 / power) between the two (Karras et al. 2022).
    """

    smallest: float = 0.002
    largest: float = 80.0
    power: float = 7.0

    def alpha(self, t: Tensor) -> Tensor:
        """Signal scale."""
        return t.cos()

    def beta(self, t: Tensor) -> Tensor:
        """Noise standard deviation."""
        return t.sin()

    def alpha_slope(self, t: Tensor) -> Tensor:
        """The derivative dalpha / dt."""
        return -t.sin()

    def beta_slope(self, t: Tensor) -> Tensor:
        """The derivative dbeta / dt."""
        return t.cos()

    def log_snr(self, t: Tensor) -> Tensor:
        """Lambda = log(alpha / beta)."""
        return -t.tan().log()

    def times(self, steps: int, solver: str = "") -> Tensor:
        """``steps + 1`` times from pi / 2 down to 0, float64; one grid for all solvers.

        Example:
            >>> Trigonometric().times(3).tolist()[0] == math.pi / 2
            True
        """
        first, last = self.largest ** (1 / self.power), self.smallest ** (1 / self.power)
        ratio = torch.linspace(first, last, steps, dtype=torch.float64) ** self.power
        times = torch.cat([ratio.atan(), torch.zeros(1, dtype=torch.float64)])
        times[0] = math.pi / 2
        return times
