"""Base class of tasks whose data are a deterministic signal of theta plus independent normal noise."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from tasks.contract.base import Task

__all__ = ["NoisySignal"]


class NoisySignal(Task):
    """A task with data x = signal(theta) + e, where e ~ N(0, noise_sd²) independently in every column.

    A subclass sets ``noise_sd``, ``dim_theta`` and ``dim_x``, and defines :meth:`prior` and :meth:`signal`.

    Attributes:
        noise_sd: Standard deviation of the noise, in the unit of the data.
    """

    noise_sd: ClassVar[float]

    @abstractmethod
    def signal(self, theta: Tensor) -> Tensor:
        """The data without noise.

        Arguments:
            theta: Parameters, ``(N, dim_theta)``.

        Returns:
            Signals, ``(N, dim_x)``, float64; a row is NaN if its computation fails.
        """

    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """Signal plus noise, ``(N, dim_x)``, float32; a row is NaN if its signal is."""
        signal = self.signal(theta)
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(signal.shape, dtype=torch.float64, generator=generator)
        return (signal + self.noise_sd * noise).float()

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Sum of the columns' normal log densities in nats, ``(N,)``; -inf if the signal is NaN.

        If a solver computes the signal, this is the exact likelihood of the solver's output.
        """
        return self.log_likelihood_of(self.signal(theta), x).to(theta)

    def log_likelihood_of(self, signal: Tensor, x: Tensor) -> Tensor:
        """Log p(x | theta) in nats, ``(N,)``, from signals ``(N, dim_x)``, float64, computed already."""
        z = (x.detach().cpu().double() - signal) / self.noise_sd
        constant = self.dim_x * (math.log(self.noise_sd) + 0.5 * math.log(2.0 * math.pi))
        log_p = -0.5 * (z**2).sum(-1) - constant
        return log_p.masked_fill(log_p.isnan(), -torch.inf)
