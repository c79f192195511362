"""The paper's diffusion: alpha(t) = 1 - (1 - eps) t and beta²(t) = eps + (1 - eps) t for t in [0, 1].

Z_t given Z_0 is N(alpha Z_0, beta² I). The diffusion does not preserve variance, and at t = 1 almost no
signal is left (alpha = eps). Reference: Zhang, Tatsuoka, Xiu, Zhang, arXiv 2506.18227, with eps = 1e-5.

Let Z_0 be a centre plus Gaussian noise of a kernel with standard deviation h. Then Z_t given the centre is
N(alpha centre, (beta² + alpha² h²) I). This is the same diffusion, seen from the centres. Its ratio of noise
to signal never falls below h, so a grid uniform in its log-SNR spends no steps on scales below the kernel's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """The signal scale alpha, the noise scale beta and their derivatives at times t in [0, 1].

    Arguments:
        eps: Signal scale at t = 1, and noise variance at t = 0.
        kernel: Standard deviation h of a Gaussian kernel that counts as noise, so that
            beta² = eps + (1 - eps) t + alpha² h².

    Example:
        >>> schedule = Schedule()
        >>> t = torch.tensor([0.25], dtype=torch.float64)
        >>> bool(torch.allclose(schedule.time_of_log_snr(schedule.log_snr(t)), t))
        True
    """

    eps: float = 1e-5
    kernel: float = 0.0

    def alpha(self, t: Tensor) -> Tensor:
        """Return the signal scale."""
        return 1.0 - (1.0 - self.eps) * t

    def beta(self, t: Tensor) -> Tensor:
        """Return the noise standard deviation."""
        return (self.eps + (1.0 - self.eps) * t + (self.alpha(t) * self.kernel).square()).sqrt()

    def alpha_slope(self, t: Tensor) -> Tensor:
        """Return the derivative dalpha / dt."""
        return torch.full_like(t, -(1.0 - self.eps))

    def beta_slope(self, t: Tensor) -> Tensor:
        """Return the derivative dbeta / dt."""
        squared = 1.0 - self.eps + 2.0 * self.kernel**2 * self.alpha(t) * self.alpha_slope(t)
        return 0.5 * squared / self.beta(t)

    def log_snr(self, t: Tensor) -> Tensor:
        """Return log(alpha / beta), half the log signal-to-noise ratio."""
        return (self.alpha(t) / self.beta(t)).log()

    def time_of_log_snr(self, log_snr: Tensor) -> Tensor:
        """Return the times at values of :meth:`log_snr`, its inverse.

        Without the kernel's share the ratio is r = alpha² / (beta² - alpha² h²). With u = (1 - eps) t this
        is the quadratic equation (1 - u)² = r (eps + u). Its smaller root is computed without cancellation.
        """
        r = 1.0 / ((-2.0 * log_snr).exp() - self.kernel**2)
        product = 1.0 - r * self.eps
        root = ((2.0 + r).square() - 4.0 * product).sqrt()
        return (2.0 * product / (2.0 + r + root) / (1.0 - self.eps)).clamp(0.0, 1.0)

    def uniform_times(self, steps: int) -> Tensor:
        """Return ``steps + 1`` equally spaced times from 1 down to 0, float64."""
        return torch.linspace(1.0, 0.0, steps + 1, dtype=torch.float64)

    def log_snr_times(self, steps: int, start: float = -4.5) -> Tensor:
        """Return ``steps + 1`` times from 1 down to 0, float64, uniform in log-SNR after the first.

        The first step goes from t = 1 to ``log_snr = start``. There the signal is still so weak
        (alpha ~ exp(start)) that the denoised mean has hardly changed.
        """
        end = float(self.log_snr(torch.zeros(1, dtype=torch.float64)))
        grid = torch.linspace(start, end, steps, dtype=torch.float64)
        times = self.time_of_log_snr(grid)
        times[-1] = 0.0
        return torch.cat([torch.ones(1, dtype=torch.float64), times])

    def times(self, steps: int, solver: str) -> Tensor:
        """Return ``steps + 1`` times from 1 to 0: uniform for Euler (as published), else in log-SNR."""
        return self.uniform_times(steps) if solver == "euler" else self.log_snr_times(steps)
