"""Unbounded coordinates for theta, so that no sample can fall outside the prior's support.

A parameter on an interval, scaled to v in (0, 1), becomes

    u = (1 - blend) sqrt(12) (v - 1/2) + blend probit(v).

With blend = 1 a uniform prior becomes a standard normal, but an x that is linear in theta is no longer linear
in u. With a small blend u is linear in theta except near the bounds. Which is better depends on the problem.
A parameter on a half-line becomes its logarithm, and a parameter on the whole line stays unchanged.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

__all__ = ["Unbounded"]

EDGE = 1e-7  # Smallest distance of v to a bound.
REACH, KNOTS = 8.0, 2**16  # The inverse is tabulated for |probit| up to REACH, at KNOTS + 1 points.


class Unbounded:
    """A one-to-one map from theta to unbounded coordinates, column by column.

    Arguments:
        prior: Prior whose support gives the bounds: intervals, half-lines above a bound, or lines.
        blend: Share of the probit in the coordinate of an interval, in (0, 1].

    Raises:
        ValueError: If the support is of another kind.

    Example:
        >>> from torch.distributions import Independent, Uniform
        >>> box = Unbounded(Independent(Uniform(torch.zeros(2), torch.ones(2)), 1), blend=0.1)
        >>> bool(torch.allclose(box.inverse(box(torch.tensor([[0.2, 0.9]]))), torch.tensor([[0.2, 0.9]])))
        True
    """

    def __init__(self, prior: Distribution, blend: float = 1.0) -> None:
        support: Any = prior.support
        while isinstance(support, constraints.independent):
            support = support.base_constraint
        self.blend = blend
        self.is_interval = isinstance(support, constraints.interval)
        self.is_half_line = isinstance(support, (constraints.greater_than, constraints.greater_than_eq))
        self._low = self._high = torch.zeros(1, dtype=torch.float64)
        if self.is_interval:
            self._high = torch.as_tensor(support.upper_bound).double()
        if self.is_interval or self.is_half_line:
            self._low = torch.as_tensor(support.lower_bound).double()
        elif support is not constraints.real:
            raise ValueError(f"prior on {support}: only intervals, half-lines and lines are supported")

    def __call__(self, theta: Tensor) -> Tensor:
        """Return the coordinates u of theta, both ``(N, dim_theta)``, float64."""
        theta = theta.double()
        if self.is_interval:
            return self._blended(torch.special.ndtri(self._unit(theta)))
        return self._above(theta).log() if self.is_half_line else theta

    def plain(self, theta: Tensor) -> Tensor:
        """Return theta ``(N, dim_theta)``, float64: logarithms on half-lines, but intervals unchanged."""
        return theta.double() if self.is_interval else self(theta)

    def log_slope(self, theta: Tensor) -> Tensor:
        """Return log |du / dtheta|, summed over columns, ``(N,)``.

        The log density of theta is the log density of u plus this.
        """
        theta = theta.double()
        if self.is_half_line:
            return -self._above(theta).log().sum(1)
        if not self.is_interval:
            return theta.new_zeros(len(theta))
        z = torch.special.ndtri(self._unit(theta))
        density = (-0.5 * z.square()).exp() / math.sqrt(2.0 * math.pi)
        slope = (1.0 - self.blend) * math.sqrt(12.0) + self.blend / density
        return (slope.log() - (self._high - self._low).to(theta.device).log()).sum(1)

    def inverse(self, u: Tensor) -> Tensor:
        """Return theta ``(..., dim_theta)`` at coordinates u, float32. It lies in the closed support."""
        u = u.float()
        low, high = self._low.to(u), self._high.to(u)
        if self.is_half_line:
            return low + u.clamp(-80.0, 80.0).exp()
        if not self.is_interval:
            return u
        table = self._table.to(u.device)
        reach = self._reach
        place = ((u + reach) * (KNOTS / (2.0 * reach))).clamp(0.0, KNOTS)
        left = place.long().clamp_max(KNOTS - 1)
        unit = torch.lerp(table[left], table[left + 1], place - left)
        return torch.minimum(torch.maximum(low + (high - low) * unit, low), high)

    def inside(self, theta: Tensor) -> Tensor:
        """Return whether each row of theta ``(N, dim_theta)`` lies in the prior's support, ``(N,)``."""
        if not (self.is_interval or self.is_half_line):
            return theta.isfinite().all(1)
        above = theta >= self._low.to(theta)
        return (above & (theta <= self._high.to(theta)) if self.is_interval else above).all(1)

    @property
    def _reach(self) -> float:
        return float(self._blended(torch.tensor(REACH, dtype=torch.float64)))

    @cached_property
    def _table(self) -> Tensor:
        """Values v in (0, 1) at evenly spaced u. Even spacing makes a look-up possible without a search."""
        z = torch.linspace(-REACH, REACH, 4 * KNOTS + 1, dtype=torch.float64).numpy()
        u = self._blended(torch.from_numpy(z)).numpy()
        at = np.interp(np.linspace(-self._reach, self._reach, KNOTS + 1), u, z)
        return torch.special.ndtr(torch.from_numpy(at)).float()

    def _unit(self, theta: Tensor) -> Tensor:
        low, high = self._low.to(theta.device), self._high.to(theta.device)
        return ((theta - low) / (high - low)).clamp(EDGE, 1.0 - EDGE)

    def _above(self, theta: Tensor) -> Tensor:
        return (theta - self._low.to(theta.device)).clamp_min(1e-30)

    def _blended(self, z: Tensor) -> Tensor:
        return (1.0 - self.blend) * math.sqrt(12.0) * (torch.special.ndtr(z) - 0.5) + self.blend * z
