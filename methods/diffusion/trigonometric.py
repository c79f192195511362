"""The trigonometric diffusion: alpha(t) = cos t and beta(t) = sin t for t in [0, pi / 2].

The diffusion preserves unit variance, and it leaves data from N(0, I) unchanged. A network F parametrises the
denoiser as E[Z_0 | Z_t] = cos(t) Z_t - sin(t) F. The probability-flow ODE is then dz/dt = F. For standard
normal data F = 0 is exact, so the network learns only how the data differ from them.
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
    """The schedule alpha(t) = cos t, beta(t) = sin t, and its time grid.

    Arguments:
        smallest: Ratio beta / alpha at the last time before 0.
        largest: Ratio beta / alpha at which the grid starts. The first time is then moved to pi / 2, where
            the ratio is infinite.
        power: Exponent of the grid, which is uniform in (beta / alpha)^(1 / power) (Karras et al. 2022).
    """

    smallest: float = 0.002
    largest: float = 80.0
    power: float = 7.0

    def alpha(self, t: Tensor) -> Tensor:
        """Return the signal scale cos t."""
        return t.cos()

    def beta(self, t: Tensor) -> Tensor:
        """Return the noise standard deviation sin t."""
        return t.sin()

    def alpha_slope(self, t: Tensor) -> Tensor:
        """Return the derivative dalpha / dt."""
        return -t.sin()

    def beta_slope(self, t: Tensor) -> Tensor:
        """Return the derivative dbeta / dt."""
        return t.cos()

    def log_snr(self, t: Tensor) -> Tensor:
        """Return log(alpha / beta), half the log signal-to-noise ratio."""
        return -t.tan().log()

    def times(self, steps: int, solver: str = "") -> Tensor:
        """Return ``steps + 1`` times from pi / 2 down to 0, float64. The grid is the same for all solvers.

        Example:
            >>> Trigonometric().times(3).tolist()[0] == math.pi / 2
            True
        """
        first, last = self.largest ** (1 / self.power), self.smallest ** (1 / self.power)
        ratio = torch.linspace(first, last, steps, dtype=torch.float64) ** self.power
        times = torch.cat([ratio.atan(), torch.zeros(1, dtype=torch.float64)])
        times[0] = math.pi / 2
        return times
