"""The paper's diffusion: alpha(t) = 1 - (1 - eps) t and beta²(t) = eps + (1 - eps) t for t in [0, 1].

Z_t given Z_0 is N(alpha Z_0, beta² I). It does not preserve variance, and at t = 1 the signal is all but
gone (alpha = eps). Reference: arXiv 2506.18227, with eps = 1e-5.

Where Z_0 is itself a centre plus a kernel's Gaussian of standard deviation h, Z_t given the centre is
N(alpha centre, beta² + alpha² h²): the same diffusion, seen from the centres. Its noise never falls below h,
so that a grid uniform in *its* log-SNR spends no steps on scales that the kernel has smoothed away.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """Signal scale alpha, noise scale beta and their slopes, as functions of the time t in [0, 1].

    Arguments:
        eps: What is left of the signal at t = 1, and the noise variance at t = 0.
        kernel: Standard deviation h of a Gaussian kernel that counts as noise: beta² is then
            eps + (1 - eps) t + alpha² h².

    Example:
        >>> schedule = Schedule()
        >>> t = torch.tensor([0.25], dtype=torch.float64)
        >>> bool(torch.allclose(schedule.time_of_log_snr(schedule.log_snr(t)), t))
        True
    """

    eps: float = 1e-5
    kernel: float = 0.0

    def alpha(self, t: Tensor) -> Tensor:
        """Signal scale."""
        return 1.0 - (1.0 - self.eps) * t

    def beta(self, t: Tensor) -> Tensor:
        """Noise standard deviation."""
        return (self.eps + (1.0 - self.eps) * t + (self.alpha(t) * self.kernel).square()).sqrt()

    def alpha_slope(self, t: Tensor) -> Tensor:
        """The derivative dalpha / dt."""
        return torch.full_like(t, -(1.0 - self.eps))

    def beta_slope(self, t: Tensor) -> Tensor:
        """The derivative dbeta / dt."""
        squared = 1.0 - self.eps + 2.0 * self.kernel**2 * self.alpha(t) * self.alpha_slope(t)
        return 0.5 * squared / self.beta(t)

    def log_snr(self, t: Tensor) -> Tensor:
        """Lambda = log(alpha / beta), half the logarithm of the signal-to-noise ratio."""
        return (self.alpha(t) / self.beta(t)).log()

    def time_of_log_snr(self, log_snr: Tensor) -> Tensor:
        """The inverse of :meth:`log_snr`.

        With the kernel's share taken out, r = alpha² / (beta² - alpha² h²); with u = (1 - eps) t,
        (1 - u)² = r (eps + u) is a quadratic in u; its smaller root is written without cancellation.
        """
        r = 1.0 / ((-2.0 * log_snr).exp() - self.kernel**2)
        product = 1.0 - r * self.eps
        root = ((2.0 + r).square() - 4.0 * product).sqrt()
        return (2.0 * product / (2.0 + r + root) / (1.0 - self.eps)).clamp(0.0, 1.0)

    def uniform_times(self, steps: int) -> Tensor:
        """``steps + 1`` times from 1 down to 0, equally spaced, float64."""
        return torch.linspace(1.0, 0.0, steps + 1, dtype=torch.float64)

    def log_snr_times(self, steps: int, start: float = -4.5) -> Tensor:
        """``steps + 1`` times from 1 down to 0, float64, those after the first uniform in log-SNR.

        The first step leaps from t = 1 to ``log_snr = start``, where the signal is still so weak
        (alpha ~ exp(start)) that the denoised mean has hardly moved.
        """
        end = float(self.log_snr(torch.zeros(1, dtype=torch.float64)))
        grid = torch.linspace(start, end, steps, dtype=torch.float64)
        times = self.time_of_log_snr(grid)
        times[-1] = 0.0
        return torch.cat([torch.ones(1, dtype=torch.float64), times])

    def times(self, steps: int, solver: str) -> Tensor:
        """``steps + 1`` times from 1 to 0: uniform for Euler, as published, else in log-SNR."""
        return self.uniform_times(steps) if solver == "euler" else self.log_snr_times(steps)
