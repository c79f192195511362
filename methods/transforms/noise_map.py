"""The prior as a function of standard normal noise, theta = f(z), and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, LogNormal, MultivariateNormal, Normal, Uniform

from methods.contract.priors import UsablePrior

__all__ = ["NoiseMap", "noise_map"]

EDGE = 1e-7  # Smallest distance of a value to a bound, as a fraction of the interval.


@dataclass(frozen=True)
class NoiseMap:
    """A one-to-one map between noise and parameters.

    Attributes:
        theta: Function of noise ``(N, dim_theta)`` that returns parameters of the same shape.
        noise: Inverse function, of parameters ``(N, dim_theta)``, that returns noise of the same shape.
    """

    theta: Callable[[Tensor], Tensor]
    noise: Callable[[Tensor], Tensor]


@singledispatch
def noise_map(prior: Distribution) -> NoiseMap:
    """Return the map that takes standard normal noise to draws of a prior.

    For independent columns it is theta = F^-1(Phi(z)), where F is the distribution function of the prior and
    Phi that of the standard normal. For a multivariate normal it is theta = mean + L z, where L is the
    Cholesky factor of the covariance.

    Arguments:
        prior: Prior with independent uniform, normal or log-normal columns, or a multivariate normal.

    Raises:
        ValueError: If the prior is of another kind.

    Example:
        >>> flat = Independent(Uniform(torch.zeros(2), torch.full((2,), 4.0)), 1)
        >>> noise_map(flat).theta(torch.zeros(1, 2))
        tensor([[2., 2.]])
    """
    raise ValueError(
        f"a prior of kind {type(prior).__name__} has no known map from normal noise; supported are priors "
        "with independent uniform, normal or log-normal columns, and multivariate normal priors"
    )


@noise_map.register
def _(prior: UsablePrior) -> NoiseMap:
    return noise_map(prior.plain)


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
