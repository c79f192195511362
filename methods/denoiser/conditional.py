"""A Gaussian whose mean and covariance a network predicts from the data."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from methods.learning.networks import ResidualMLP

__all__ = ["ConditionalGaussian"]

LIMIT = 4.0  # Largest |ln scale|.
ROWS = 4096  # Rows processed at once. With 100 columns their matrices take 160 MB.


class ConditionalGaussian(nn.Module):
    """The map v = P(c) (w - m(c)), which makes v standard normal if w given c is Gaussian.

    P is lower triangular. Before training, v equals w. The residuals v have about the same size for all c,
    even if the posterior is wide for some data and narrow for others, or is cut off by a bound of the prior.

    Arguments:
        dim: Width of w.
        dim_c: Width of the encoded data c.
        width: Number of units in a hidden layer.
        depth: Number of hidden layers.
    """

    def __init__(self, dim: int, dim_c: int, width: int, depth: int) -> None:
        super().__init__()
        self._dim = dim
        self.mlp = ResidualMLP(dim_c, dim * (dim + 3) // 2, width, depth)
        self.register_buffer("below", torch.tril_indices(dim, dim, -1))

    def whiten(self, w: Tensor, c: Tensor) -> Tensor:
        """Return v ``(N, dim)`` for w ``(N, dim)`` and c ``(N, dim_c)``."""
        return _in_parts(self._whiten, w, c)

    def _whiten(self, w: Tensor, c: Tensor) -> Tensor:
        mean, _, factor = self._parts(c)
        return _times(factor, w - mean)

    def colour(self, v: Tensor, c: Tensor) -> Tensor:
        """Return w ``(..., dim)`` for v ``(..., dim)`` and c ``(..., dim_c)``, which broadcast."""
        return _in_parts(self._colour, v, c)

    def _colour(self, v: Tensor, c: Tensor) -> Tensor:
        mean, _, factor = self._parts(c)
        identity = torch.eye(self._dim).to(factor).expand_as(factor)
        return mean + _times(torch.linalg.solve_triangular(factor, identity, upper=False), v)

    def log_slope(self, c: Tensor) -> Tensor:
        """Return log |dv / dw|, ``(N,)``."""
        return -self._parts(c)[1].sum(-1)

    def loss(self, w: Tensor, c: Tensor) -> Tensor:
        """Return the mean negative log density of w ``(N, dim)`` per column, in nats, up to a constant."""
        mean, log_scale, factor = self._parts(c)
        squared = _times(factor, w - mean).square()
        return (0.5 * squared + log_scale).mean()

    def _parts(self, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the mean m, the log scales and P for each row of c."""
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
    """Apply a function to values and c, in parts if each row needs its own matrix."""
    if values.ndim != 2 or len(values) != len(c):
        return function(values, c)
    parts = zip(values.split(ROWS), c.split(ROWS), strict=True)
    return torch.cat([function(*part) for part in parts])


def _times(factor: Tensor, columns: Tensor) -> Tensor:
    """Return products of matrices ``(..., dim, dim)`` and vectors ``(..., dim)``, which broadcast."""
    return (factor * columns.unsqueeze(-2)).sum(-1)
