"""Unbounded coordinates for theta, so that no sample can fall outside the prior's support.

A parameter on an interval, scaled to v in (0, 1), becomes

    u = (1 - blend) sqrt(12) (v - 1/2) + blend probit(v).

With blend = 1 a uniform prior becomes a standard normal, but an x that is linear in theta is no longer linear
in u. With a small blend u is linear in theta except near the bounds. Which is better depends on the problem.
A parameter on a half-line becomes the logarithm of its distance to the bound, and a parameter on the whole
line stays unchanged.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from methods.contract.prior_mass import bounds

__all__ = ["Unbounded"]

EDGE = 1e-7  # Smallest distance of v to a bound.
REACH, KNOTS = 8.0, 2**16  # The inverse is tabulated for |probit| up to REACH, at KNOTS + 1 points.


class Unbounded:
    """A one-to-one map from theta to unbounded coordinates, column by column.

    Arguments:
        prior: Prior whose support gives the bounds: intervals, half-lines or lines, which may differ between
            columns.
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
        self.blend = blend
        low, high = bounds(prior.support, prior.event_shape.numel())
        kinds = [(bool(a), bool(b)) for a, b in zip(low.isfinite(), high.isfinite(), strict=True)]
        groups = [[column for column, one in enumerate(kinds) if one == kind] for kind in sorted(set(kinds))]
        self._parts = [_Columns(low[group], high[group], blend) for group in groups]
        self._groups = [torch.tensor(group) for group in groups]
        self._order = torch.cat(self._groups).argsort()

    @property
    def is_interval(self) -> bool:
        """Whether a column lies on an interval, so that ``blend`` matters."""
        return any(part.is_interval for part in self._parts)

    def __call__(self, theta: Tensor) -> Tensor:
        """Return the coordinates u of theta, both ``(N, dim_theta)``, float64."""
        return self._mapped(theta, lambda part, columns: part(columns))

    def plain(self, theta: Tensor) -> Tensor:
        """Return theta ``(N, dim_theta)``, float64: logarithms on half-lines, but intervals unchanged."""
        return self._mapped(theta, lambda part, columns: part.plain(columns))

    def plain_at(self, u: Tensor) -> Tensor:
        """Return the values of :meth:`plain` at coordinates u ``(..., dim_theta)``, differentiable in u.

        It is defined for a blend of 1 only, where the inverse of an interval's coordinate is a formula.
        """
        return self._mapped(u, lambda part, columns: part.plain_at(columns))

    def log_slope(self, theta: Tensor) -> Tensor:
        """Return log |du / dtheta|, summed over columns, ``(N,)``.

        The log density of theta is the log density of u plus this.
        """
        first, *others = (part.log_slope(columns) for part, columns in self._split(theta))
        return sum(others, first)

    def inverse(self, u: Tensor) -> Tensor:
        """Return theta ``(..., dim_theta)`` at coordinates u, float32. It lies in the closed support."""
        return self._mapped(u, lambda part, columns: part.inverse(columns))

    def inside(self, theta: Tensor) -> Tensor:
        """Return whether each row of theta ``(N, dim_theta)`` lies within the bounds, ``(N,)``."""
        return torch.stack([part.inside(columns) for part, columns in self._split(theta)]).all(0)

    def _split(self, values: Tensor) -> list[tuple[_Columns, Tensor]]:
        """Return each part and its columns of values ``(..., dim_theta)``."""
        if len(self._parts) == 1:
            return [(self._parts[0], values)]
        pairs = zip(self._parts, self._groups, strict=True)
        return [(part, values[..., group.to(values.device)]) for part, group in pairs]

    def _mapped(self, values: Tensor, function: Callable[[_Columns, Tensor], Tensor]) -> Tensor:
        found = [function(part, columns) for part, columns in self._split(values)]
        return found[0] if len(found) == 1 else torch.cat(found, dim=-1)[..., self._order.to(values.device)]


class _Columns:
    """The map of columns of one kind: intervals, half-lines of one direction, or lines.

    Arguments:
        low: Lower bounds, ``(D,)``, float64; infinite if there are none.
        high: Upper bounds, of the same kind.
        blend: As in :class:`Unbounded`.
    """

    def __init__(self, low: Tensor, high: Tensor, blend: float) -> None:
        self._low, self._high, self.blend = low, high, blend
        has_low, has_high = bool(low.isfinite().all()), bool(high.isfinite().all())
        self.is_interval = has_low and has_high
        self._is_half_line = has_low != has_high
        self._is_above = has_low

    def __call__(self, theta: Tensor) -> Tensor:
        theta = theta.double()
        if self.is_interval:
            return self._blended(torch.special.ndtri(self._unit(theta)))
        return self._distance(theta).log() if self._is_half_line else theta

    def plain(self, theta: Tensor) -> Tensor:
        return theta.double() if self.is_interval else self(theta)

    def plain_at(self, u: Tensor) -> Tensor:
        if not self.is_interval:
            return u
        if self.blend != 1.0:
            raise ValueError(f"blend {self.blend}: only with 1 is there a formula")
        low, high = self._low.to(u), self._high.to(u)
        return low + (high - low) * torch.special.ndtr(u)

    def log_slope(self, theta: Tensor) -> Tensor:
        theta = theta.double()
        if self._is_half_line:
            return -self._distance(theta).log().sum(1)
        if not self.is_interval:
            return theta.new_zeros(len(theta))
        z = torch.special.ndtri(self._unit(theta))
        density = (-0.5 * z.square()).exp() / math.sqrt(2.0 * math.pi)
        slope = (1.0 - self.blend) * math.sqrt(12.0) + self.blend / density
        return (slope.log() - (self._high - self._low).to(theta.device).log()).sum(1)

    def inverse(self, u: Tensor) -> Tensor:
        u = u.float()
        low, high = self._low.to(u), self._high.to(u)
        if self._is_half_line:
            distance = u.clamp(-80.0, 80.0).exp()
            return low + distance if self._is_above else high - distance
        if not self.is_interval:
            return u
        table = self._table.to(u.device)
        reach = self._reach
        place = ((u + reach) * (KNOTS / (2.0 * reach))).clamp(0.0, KNOTS)
        left = place.long().clamp_max(KNOTS - 1)
        unit = torch.lerp(table[left], table[left + 1], place - left)
        return torch.minimum(torch.maximum(low + (high - low) * unit, low), high)

    def inside(self, theta: Tensor) -> Tensor:
        if not (self.is_interval or self._is_half_line):
            return theta.isfinite().all(1)
        return ((theta >= self._low.to(theta)) & (theta <= self._high.to(theta))).all(1)

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

    def _distance(self, theta: Tensor) -> Tensor:
        """Return the distance to the bound of a half-line, a little more than zero."""
        bound = (self._low if self._is_above else self._high).to(theta.device)
        return (theta - bound if self._is_above else bound - theta).clamp_min(1e-30)

    def _blended(self, z: Tensor) -> Tensor:
        return (1.0 - self.blend) * math.sqrt(12.0) * (torch.special.ndtr(z) - 0.5) + self.blend * z
