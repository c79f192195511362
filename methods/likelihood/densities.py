"""Conditional densities of data columns given theta: Gaussians, mixtures of Gaussians and flows."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from methods.learning.networks import ResidualMLP

__all__ = ["ConditionalDensity", "FlowDensity", "GaussianDensity", "GaussianParts", "MixtureDensity"]

ONE = math.log(math.e - 1.0)  # softplus(ONE) = 1
SMALLEST = 1e-4  # Smallest scale, in units of the residuals of a linear regression.
BINS = 8  # Number of bins of a spline.


class ConditionalDensity(nn.Module, ABC):
    """A density of residuals r ``(..., dim)`` given features f ``(..., dim_f)``, which broadcast."""

    @abstractmethod
    def log_prob(self, r: Tensor, f: Tensor) -> Tensor:
        """Return log densities ``(...,)`` in nats."""

    @property
    @abstractmethod
    def networks(self) -> list[nn.Module]:
        """The networks that one evaluation runs once each; together they count as one."""


class GaussianParts(NamedTuple):
    """The parts of a Gaussian of residuals r: v = diag(1 / s) (I + A) (r - m) is standard normal.

    Attributes:
        mean: Means m, ``(..., dim)``.
        log_scale: Logarithms of the scales s, ``(..., dim)``.
        below: Strictly lower triangular matrices A, ``(..., dim, dim)``, or None if they are zero.
    """

    mean: Tensor
    log_scale: Tensor
    below: Tensor | None

    def whiten(self, difference: Tensor) -> Tensor:
        """Return diag(1 / s) (I + A) d for differences d ``(..., dim)``."""
        if self.below is not None:
            difference = difference + (self.below * difference.unsqueeze(-2)).sum(-1)
        return difference * (-self.log_scale).exp()

    def log_prob(self, r: Tensor) -> Tensor:
        """Return log densities ``(...,)`` of residuals r ``(..., dim)``."""
        v = self.whiten(r - self.mean)
        return (
            -0.5 * v.square().sum(-1) - self.log_scale.sum(-1) - 0.5 * v.shape[-1] * math.log(2.0 * math.pi)
        )


class MixtureDensity(ConditionalDensity):
    """A mixture of Gaussians. A network predicts their means, scales, correlations and weights.

    The scale is a softplus of an output, so it is linear in it where the noise is large, and the logarithm is
    linear where it is small. Before training all Gaussians are about N(0, precision⁻¹).

    Arguments:
        dim: Width of the residuals.
        dim_f: Width of the features.
        width: Number of units in a hidden layer.
        depth: Number of hidden layers.
        components: Number of Gaussians.
        precision: Inverse covariance of the residuals before training, ``(dim, dim)``. The Gaussians have a
            full covariance if it is given, and independent columns of unit variance otherwise.
    """

    def __init__(
        self,
        dim: int,
        dim_f: int,
        width: int,
        depth: int,
        components: int,
        precision: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.dim, self.components, self.is_full = dim, components, precision is not None
        self._widths = [dim, dim, dim * (dim - 1) // 2 if self.is_full else 0, 1]
        self.mlp = ResidualMLP(dim_f, components * sum(self._widths), width, depth)
        self.register_buffer("_below", torch.tril_indices(dim, dim, -1))
        first = torch.zeros(components, sum(self._widths))
        if components > 1:  # Equal components would stay equal.
            first[:, :dim].normal_(std=0.3)
        if precision is not None:
            # precision = Pᵀ P with P = diag(1 / s) (I + A): a Cholesky factorisation from the last column on.
            factor = torch.linalg.cholesky(precision.double().flip(0, 1)).flip(0, 1).T
            row, column = self.get_buffer("_below")
            first[:, dim : 2 * dim] = torch.expm1(1.0 / factor.diagonal()).log() - ONE
            first[:, 2 * dim : -1] = factor[row, column] / factor.diagonal()[row]
        with torch.no_grad():
            self.mlp.last.bias.copy_(first.flatten())

    @property
    def networks(self) -> list[nn.Module]:
        """The network of the Gaussians' parts."""
        return [self.mlp]

    def parts(self, f: Tensor) -> tuple[GaussianParts, Tensor]:
        """Return the Gaussians given features ``(..., dim_f)`` and the logits of their weights.

        The shapes of the parts begin with ``(..., components)``, which is also the shape of the logits.
        """
        outputs = self.mlp(f).unflatten(-1, (self.components, -1))
        mean, raw, correlation, logit = outputs.split(self._widths, dim=-1)
        log_scale = (nn.functional.softplus(raw + ONE) + SMALLEST).log()
        below = None
        if self.is_full:
            below = mean.new_zeros(*mean.shape, self.dim)
            row, column = self.get_buffer("_below")
            below[..., row, column] = correlation
        return GaussianParts(mean, log_scale, below), logit[..., 0]

    def log_prob(self, r: Tensor, f: Tensor) -> Tensor:
        """Return log densities ``(...,)`` in nats."""
        parts, logit = self.parts(f)
        log_density = parts.log_prob(r.unsqueeze(-2))
        if self.components == 1:
            return log_density[..., 0]
        return torch.logsumexp(log_density + logit.log_softmax(dim=-1), dim=-1)


class GaussianDensity(MixtureDensity):
    """A Gaussian whose mean, scales and correlations a network predicts; see :class:`MixtureDensity`."""

    def __init__(self, dim: int, dim_f: int, width: int, depth: int, precision: Tensor | None = None) -> None:
        super().__init__(dim, dim_f, width, depth, 1, precision)

    def gaussian(self, f: Tensor) -> GaussianParts:
        """Return the parts of the Gaussian given features ``(..., dim_f)``."""
        parts, _ = self.parts(f)
        mean, log_scale, below = parts
        return GaussianParts(
            mean[..., 0, :], log_scale[..., 0, :], None if below is None else below[..., 0, :, :]
        )


class FlowDensity(ConditionalDensity):
    """A neural spline flow with autoregressive conditioners, from the package zuko.

    Source: Durkan, Bekasov, Murray, Papamakarios: Neural spline flows, NeurIPS 2019.

    Arguments:
        dim: Width of the residuals.
        dim_f: Width of the features.
        width: Number of units in a hidden layer of a conditioner.
        transforms: Number of spline transforms.
    """

    def __init__(self, dim: int, dim_f: int, width: int, transforms: int = 3) -> None:
        import zuko

        super().__init__()
        self._flow = zuko.flows.NSF(
            dim, dim_f, bins=BINS, transforms=transforms, hidden_features=(width, width)
        )

    @property
    def networks(self) -> list[nn.Module]:
        """The conditioners of the transforms."""
        return [step.hyper for step in self._flow.transform.transforms]

    def log_prob(self, r: Tensor, f: Tensor) -> Tensor:
        """Return log densities ``(...,)`` in nats."""
        return self._flow(f).log_prob(r)
