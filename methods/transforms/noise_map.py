"""The prior as a function of standard normal noise, theta = f(z), and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, LogNormal, MultivariateNormal, Normal, Uniform

__all__ = ["NoiseMap", "noise_map"]

EDGE = 1e-7  # nearest that a value comes to a bound, as a part of the interval


@dataclass(frozen=True)
class NoiseMap:
    """A one-to-one map of noise to parameters.

    Attributes:
        theta: Of noise ``(N, dim_theta)``, the same shape.
        noise: Of theta ``(N, dim_theta)``, the same shape.
    """

    theta: Callable[[Tensor], Tensor]
    noise: Callable[[Tensor], Tensor]


@singledispatch
def noise_map(prior: Distribution) -> NoiseMap:
    """The inverse distribution function of a prior after that of the normal.

    Arguments:
        prior: Uniform, normal or log-normal in independent columns, or multivariate normal.

    Raises:
        ValueError: for a prior of another kind.

    Example:
        >>> flat = Independent(Uniform(torch.zeros(2), torch.full((2,), 4.0)), 1)
        >>> noise_map(flat).theta(torch.zeros(1, 2))
        tensor([[2., 2.]])
    """
    raise ValueError(
        f"a prior of kind {type(prior).__name__} is no known function of normal noise; known are those with "
        "independent uniform, normal or log-normal columns, and multivariate normal ones"
    )


@noise_map.register
def _(prior: Independent) -> NoiseMap:
    return noise_map(prior.base_dist)


@noise_map.register
def _(prior: Uniform) -> NoiseMap:
    low, width = prior.low, prior.high - prior.low

    def theta(z: Tensor) -> Tensor:
        inside = torch.special.ndtr(z.double()).clamp(EDGE, 1.0 - EDGE).to(z)
        return low.to(z) + width.to(z) * inside

    def noise(theta: Tensor) -> Tensor:
        part = (theta.double() - low.to(theta.device)) / width.to(theta.device)
        return torch.special.ndtri(part.clamp(EDGE, 1.0 - EDGE)).to(theta)

    return NoiseMap(theta, noise)


@noise_map.register
def _(prior: Normal) -> NoiseMap:
    loc, scale = prior.loc, prior.scale
    return NoiseMap(
        lambda z: loc.to(z) + scale.to(z) * z, lambda theta: (theta - loc.to(theta)) / scale.to(theta)
    )


@noise_map.register
def _(prior: LogNormal) -> NoiseMap:
    plain = noise_map(Normal(prior.loc, prior.scale))
    return NoiseMap(lambda z: plain.theta(z).exp(), lambda theta: plain.noise(theta.log()))


@noise_map.register
def _(prior: MultivariateNormal) -> NoiseMap:
    loc, factor = prior.loc, prior.scale_tril

    def noise(theta: Tensor) -> Tensor:
        centred = (theta - loc.to(theta)).T
        return torch.linalg.solve_triangular(factor.to(theta), centred, upper=False).T

    return NoiseMap(lambda z: loc.to(z) + z @ factor.to(z).T, noise)
