"""A Gaussian whose mean and covariance a network gives for any data."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from methods.learning.networks import ResidualMLP

__all__ = ["ConditionalGaussian"]

LIMIT = 4.0  # of |ln scale|
ROWS = 4096  # at once: with a hundred columns the matrices of as many rows take 160 MB


class ConditionalGaussian(nn.Module):
    """v = P(c) (w - m(c)), standard normal where w given c is Gaussian; untrained, v is w.

    P is lower triangular. A posterior cut off by a bound of the prior, or one that is wide for some data and
    narrow for other, has residuals of much the same size in v for all c.

    Arguments:
        dim: Width of w.
        dim_c: Width of the encoded data.
        width: Units of a hidden layer.
        depth: Hidden layers.
    """

    def __init__(self, dim: int, dim_c: int, width: int, depth: int) -> None:
        super().__init__()
        self._dim = dim
        self.mlp = ResidualMLP(dim_c, dim * (dim + 3) // 2, width, depth)
        self.register_buffer("below", torch.tril_indices(dim, dim, -1))

    def whiten(self, w: Tensor, c: Tensor) -> Tensor:
        """Whitened v ``(N, dim)`` of w ``(N, dim)`` given c ``(N, dim_c)``."""
        return _in_parts(self._whiten, w, c)

    def _whiten(self, w: Tensor, c: Tensor) -> Tensor:
        mean, _, factor = self._parts(c)
        return _times(factor, w - mean)

    def colour(self, v: Tensor, c: Tensor) -> Tensor:
        """Back to w ``(..., dim)``, of v ``(..., dim)`` and c ``(..., dim_c)``, which broadcast."""
        return _in_parts(self._colour, v, c)

    def _colour(self, v: Tensor, c: Tensor) -> Tensor:
        mean, _, factor = self._parts(c)
        identity = torch.eye(self._dim).to(factor).expand_as(factor)
        return mean + _times(torch.linalg.solve_triangular(factor, identity, upper=False), v)

    def log_slope(self, c: Tensor) -> Tensor:
        """Log |dv / dw|, ``(N,)``."""
        return -self._parts(c)[1].sum(-1)

    def loss(self, w: Tensor, c: Tensor) -> Tensor:
        """Mean negative log density of w ``(N, dim)`` per column, in nats, up to a constant."""
        mean, log_scale, factor = self._parts(c)
        squared = _times(factor, w - mean).square()
        return (0.5 * squared + log_scale).mean()

    def _parts(self, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean, log scale and P for each row of c."""
        mean, raw, off_diagonal = self.mlp(c).split([self._dim, self._dim, self._below.shape[1]], dim=-1)
        log_scale = LIMIT * torch.tanh(raw / LIMIT)
        factor = torch.diag_embed((-log_scale).exp())
        row, column = self._below
        factor[..., row, column] = off_diagonal
        return mean, log_scale, factor

    @property
    def _below(self) -> Tensor:
        return self.get_buffer("below")


def _in_parts(function: Callable[[Tensor, Tensor], Tensor], values: Tensor, c: Tensor) -> Tensor:
    """The function of values and c, part by part where each row has a matrix of its own."""
    if values.ndim != 2 or len(values) != len(c):
        return function(values, c)
    parts = zip(values.split(ROWS), c.split(ROWS), strict=True)
    return torch.cat([function(*part) for part in parts])


def _times(factor: Tensor, columns: Tensor) -> Tensor:
    """Products of matrices ``(..., dim, dim)`` and vectors ``(..., dim)``, which broadcast."""
    return (factor * columns.unsqueeze(-2)).sum(-1)
