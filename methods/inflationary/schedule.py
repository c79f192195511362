"""The schedule of noise and scale of an inflationary flow, for each direction.

Source: de Albuquerque, Pearson: Inflationary flows, NeurIPS 2024, arXiv 2407.08843.

Not as published: coordinates here are whitened principal components, so the noise in each direction is
proportional to the data's variance there. The paper's dimension-preserving schedule has the same noise in all
directions. If the data have unequal variances, that noise drives the participation ratio to the number of
dimensions, so it does not preserve it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["InflationSchedule"]


@dataclass(frozen=True)
class InflationSchedule:
    """The schedule gamma_j(t) = start_noise exp(r_j t) of noise variances and s(t) of the scale.

    The scale is s(t) = (1 + gamma_*(t))^(-1/2), where gamma_* is the fastest growing of the gamma_j.

    Arguments:
        rates: Growth rates r_j = rho (1 + g_j) of the noise variances, ``(dim,)``.
        end: Time at which the data have become Gaussian.
        start_noise: Noise variance at time 0, in units of the data's variance.
    """

    rates: Tensor
    end: float
    start_noise: float

    @classmethod
    def preserving(cls, dim: int, *, rho: float, end: float, start_noise: float) -> InflationSchedule:
        """Return a schedule that inflates all directions equally (the paper's PRP, g = 0).

        Example:
            >>> InflationSchedule.preserving(2, rho=2.0, end=7.0, start_noise=5e-4).rates
            tensor([2., 2.])
        """
        return cls(torch.full((dim,), rho), end, start_noise)

    @classmethod
    def reducing(
        cls, dim: int, keep: int, *, gap: float, rho: float, end: float, start_noise: float
    ) -> InflationSchedule:
        """Return a schedule in which all but the first ``keep`` directions fall behind (the paper's PRR).

        Arguments:
            dim: Number of directions.
            keep: Number of directions that are kept, at least 1 and fewer than dim. They have g = 1.
            gap: Difference of g between kept and other directions. The paper uses 1.02 and also studies 1.1
                to 1.5.
            rho: Growth rate at g = 0.
            end: Time at which the data have become Gaussian.
            start_noise: Noise variance at time 0, in units of the data's variance.

        Raises:
            ValueError: If ``keep`` is out of range.

        Example:
            >>> plan = {"gap": 1.02, "rho": 2.0, "end": 7.0, "start_noise": 5e-4}
            >>> InflationSchedule.reducing(3, 1, **plan).rates
            tensor([4.0000, 1.9600, 1.9600])
        """
        if not 1 <= keep < dim:
            raise ValueError(f"keep = {keep}: of {dim} directions at least 1 and fewer than all can be kept")
        exponents = torch.full((dim,), 2.0 - gap)
        exponents[:keep] = 2.0
        return cls(rho * exponents, end, start_noise)

    def noise(self, t: Tensor) -> Tensor:
        """Return noise variances gamma(t), ``(..., dim)``, at times ``(..., 1)``."""
        return self.start_noise * (self.rates.to(t) * t).exp()

    def scale(self, t: Tensor) -> Tensor:
        """Return the scale s at times t, both ``(..., 1)``."""
        return (1.0 + self._fastest(t)).rsqrt()

    def log_scale_slope(self, t: Tensor) -> Tensor:
        """Return the derivative d ln s / dt at times t, both ``(..., 1)``."""
        fastest = self._fastest(t)
        return -0.5 * self.rates.max().to(t) * fastest / (1.0 + fastest)

    def spread(self, t: Tensor) -> Tensor:
        """Return standard deviations of the scaled noisy data, ``(..., dim)``, at times ``(..., 1)``."""
        return self.scale(t) * (1.0 + self.noise(t)).sqrt()

    def _fastest(self, t: Tensor) -> Tensor:
        return self.noise(t).max(-1, keepdim=True).values
