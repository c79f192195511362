"""Standardisation of theta, with an invertible compression of heavy tails.

Draws of a prior such as Cauchy's reach thousands of times its scale. A kernel of one width cannot follow
them: the likelihood of the far draws forces a width beside which the bulk of the prior is a point. Dividing
by a robust scale does not change that, because the width is found in the same units. So columns with heavy
tails are compressed as extreme tails of x are (:mod:`methods.transforms.tails`), but without the limit, since
samples are mapped back:

    v = (theta - median) / s,    u = sign(v) (5 + log(1 + |v| - 5)) if |v| > 5, else u = v,

where s is the distance of two quantiles in units of that of a standard normal. The slope du / dtheta is
continuous.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from methods.transforms.standardizer import Standardizer
from methods.transforms.tails import REACH, robust_scale

__all__ = ["ScaledTheta"]

# Smallest ratio of standard deviation to quantile scale at which tails count as heavy. It is 1 for a normal
# distribution, 1.4 for a standard log-normal one, and 3 or more in nearly every 1000 draws of Cauchy's.
HEAVY = 3.0


class ScaledTheta:
    """A one-to-one map of theta to standardised values. Only columns with heavy tails are compressed.

    Arguments:
        scale: Affine part of the map.
        heavy: Mask of the columns that are compressed, ``(dim_theta,)``.

    Example:
        >>> theta = torch.cat([torch.linspace(-1.0, 1.0, 99), torch.tensor([1e4])])[:, None]
        >>> scale = ScaledTheta.fit(theta)
        >>> bool(scale(theta).max() < 15.0), bool(torch.allclose(scale.inverse(scale(theta)), theta))
        (True, True)
    """

    def __init__(self, scale: Standardizer, heavy: Tensor) -> None:
        self._scale, self._heavy = scale, heavy
        self._any = bool(heavy.any())

    @classmethod
    def fit(cls, theta: Tensor) -> ScaledTheta:
        """Fit the map to parameters of simulations ``(K, dim_theta)``, all finite."""
        scale = Standardizer.fit(theta)
        middle, width, heavy = (
            torch.from_numpy(each).to(theta.device) for each in robust_scale(theta, HEAVY)
        )
        if bool(heavy.any()):
            mean, std = middle.to(theta).where(heavy, scale.mean), width.to(theta).where(heavy, scale.std)
            scale = replace(scale, mean=mean, std=std)
        return cls(scale, heavy)

    @classmethod
    def identity(cls, theta: Tensor) -> ScaledTheta:
        """Return the identity map for parameters ``(K, dim_theta)``."""
        return cls(Standardizer.identity(theta), torch.zeros_like(theta[0], dtype=torch.bool))

    def __call__(self, theta: Tensor) -> Tensor:
        """Return scaled values u of theta, both ``(..., dim_theta)``."""
        v = self._scale(theta)
        if not self._any:
            return v
        size = v.abs()
        u = v.sign() * (REACH + (size - REACH).clamp_min(0.0).log1p())
        return u.where(self._heavy & (size > REACH), v)

    def inverse(self, u: Tensor) -> Tensor:
        """Return theta ``(..., dim_theta)`` at scaled values u. Its values are finite where u is."""
        if not self._any:
            return self._scale.inverse(u)
        size = u.double().abs()
        v = u.sign() * (REACH + (size - REACH).clamp_min(0.0).expm1())
        theta = self._scale.inverse(v.where(self._heavy & (size > REACH), u.double()))
        largest = torch.finfo(u.dtype).max
        return theta.clamp(-largest, largest).to(u.dtype).where(self._heavy, self._scale.inverse(u))

    def log_slope(self, theta: Tensor) -> Tensor:
        """Return log |du / dtheta|, summed over columns, for theta ``(N, dim_theta)``, ``(N,)``."""
        slope = -self._scale.std.log().sum().expand(len(theta))
        if not self._any:
            return slope
        beyond = (self._scale(theta).abs() - REACH).clamp_min(0.0).log1p()
        return slope - beyond.where(self._heavy, torch.zeros_like(beyond)).sum(1)
