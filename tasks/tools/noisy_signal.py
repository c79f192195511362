"""Tasks whose data are a deterministic signal of theta with independent normal noise."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from tasks.contract.base import Task

__all__ = ["NoisySignal"]


class NoisySignal(Task):
    """x = signal(theta) + N(0, noise_sd²) in every column.

    A subclass sets ``noise_sd`` and the dims, and writes :meth:`prior` and :meth:`signal`.
    """

    noise_sd: ClassVar[float]

    @abstractmethod
    def signal(self, theta: Tensor) -> Tensor:
        """Noiseless data ``(N, dim_x)``, float64, of theta ``(N, dim_theta)``; NaN rows where that failed."""

    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """Signal with noise, ``(N, dim_x)``, float32; NaN rows where the signal failed."""
        signal = self.signal(theta)
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(signal.shape, dtype=torch.float64, generator=generator)
        return (signal + self.noise_sd * noise).float()

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Sum of normal log densities, ``(N,)``, exact for the solver; -inf where it failed."""
        return self.log_likelihood_of(self.signal(theta), x).to(theta)

    def log_likelihood_of(self, signal: Tensor, x: Tensor) -> Tensor:
        """The same for signals that are known already, ``(N, dim_x)``, float64."""
        z = (x.detach().cpu().double() - signal) / self.noise_sd
        constant = self.dim_x * (math.log(self.noise_sd) + 0.5 * math.log(2.0 * math.pi))
        log_p = -0.5 * (z**2).sum(-1) - constant
        return log_p.masked_fill(log_p.isnan(), -torch.inf)
