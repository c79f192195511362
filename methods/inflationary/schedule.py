"""Noise and rescaling of an inflationary flow, direction by direction.

Source: de Albuquerque, Pearson: Inflationary flows, arXiv 2407.08843. Coordinates here are whitened principal
components, so the noise of each direction is in proportion to the data's variance there: the paper's
schedules with the same noise in all directions would take the participation ratio of data with unequal
variances to the number of dimensions, where one that is to preserve it may not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["InflationSchedule"]


@dataclass(frozen=True)
class InflationSchedule:
    """gamma_j(t) = start_noise exp(r_j t), and s(t) = (1 + gamma_*(t))^(-1/2) with the fastest of them.

    Arguments:
        rates: Growth r_j = rho (1 + g_j) of the noise variance, ``(dim,)``.
        end: Time at which the data have become Gaussian.
        start_noise: Noise variance at time 0, in units of the data's.
    """

    rates: Tensor
    end: float
    start_noise: float

    @classmethod
    def preserving(cls, dim: int, *, rho: float, end: float, start_noise: float) -> InflationSchedule:
        """All directions alike (the paper's PRP, g = 0).

        Example:
            >>> InflationSchedule.preserving(2, rho=2.0, end=7.0, start_noise=5e-4).rates
            tensor([2., 2.])
        """
        return cls(torch.full((dim,), rho), end, start_noise)

    @classmethod
    def reducing(
        cls, dim: int, keep: int, *, gap: float, rho: float, end: float, start_noise: float
    ) -> InflationSchedule:
        """The first ``keep`` directions inflate, the others fall behind (the paper's PRR).

        Arguments:
            dim: Directions in all.
            keep: How many of them, fewer than dim; g = 1 there.
            gap: By how much g is less elsewhere; 1.02 in the paper, where 1.1 to 1.5 are studied too.
            rho: Rate of g = 0.
            end: Time at which the data have become Gaussian.
            start_noise: Noise variance at time 0.

        Example:
            >>> plan = {"gap": 1.02, "rho": 2.0, "end": 7.0, "start_noise": 5e-4}
            >>> InflationSchedule.reducing(3, 1, **plan).rates
            tensor([4.0000, 1.9600, 1.9600])
        """
        if not 1 <= keep < dim:
            raise ValueError(f"keep = {keep}: of {dim} directions at least 1 is kept and fewer than all")
        exponents = torch.full((dim,), 2.0 - gap)
        exponents[:keep] = 2.0
        return cls(rho * exponents, end, start_noise)

    def noise(self, t: Tensor) -> Tensor:
        """Noise variances gamma(t), ``(..., dim)``, of times ``(..., 1)``."""
        return self.start_noise * (self.rates.to(t) * t).exp()

    def scale(self, t: Tensor) -> Tensor:
        """s(t), ``(..., 1)``."""
        return (1.0 + self._fastest(t)).rsqrt()

    def log_scale_slope(self, t: Tensor) -> Tensor:
        """D ln s / dt, ``(..., 1)``."""
        fastest = self._fastest(t)
        return -0.5 * self.rates.max().to(t) * fastest / (1.0 + fastest)

    def spread(self, t: Tensor) -> Tensor:
        """Standard deviations of the rescaled noisy data, ``(..., dim)``."""
        return self.scale(t) * (1.0 + self.noise(t)).sqrt()

    def _fastest(self, t: Tensor) -> Tensor:
        return self.noise(t).max(-1, keepdim=True).values
