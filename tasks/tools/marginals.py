"""Quantiles of one-dimensional marginals, from a density on a grid."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["grid_quantiles"]

ROWS = 100_000  # grid points per call of the density


def grid_quantiles(
    log_density: Callable[[Tensor], Tensor], low: Tensor, high: Tensor, levels: Tensor, resolution: int = 1000
) -> Tensor:
    """Quantiles of both marginals of a two-dimensional density.

    Arguments:
        log_density: Log density, a function from theta ``(N, 2)``, float64, to ``(N,)``; it need not be
            normalised.
        low: Lower corner of the grid, ``(2,)``; mass outside the grid is ignored.
        high: Upper corner of the grid, ``(2,)``.
        levels: Probabilities in [0, 1], ``(Q,)``.
        resolution: Number of cells in each direction; the density is evaluated at their centres.

    Returns:
        Quantiles, ``(Q, 2)``, float64; the cumulative distribution is linear within each cell.

    Example:
        >>> corner = torch.ones(2)
        >>> grid_quantiles(lambda theta: 0.0 * theta[:, 0], -corner, corner, torch.tensor([0.25, 0.5]))
        tensor([[-0.5000, -0.5000],
                [ 0.0000,  0.0000]], dtype=torch.float64)
    """
    low, high = low.double(), high.double()
    fraction = torch.linspace(0.0, 1.0, resolution + 1, dtype=torch.float64)
    edges = low + (high - low) * fraction[:, None]
    middles = 0.5 * (edges[1:] + edges[:-1])
    theta = torch.cartesian_prod(middles[:, 0], middles[:, 1])
    log_p = torch.cat([log_density(part).double() for part in theta.split(ROWS)])
    mass = torch.softmax(log_p, dim=0).reshape(resolution, resolution)
    columns = [_quantiles(mass.sum(1 - axis), edges[:, axis], levels.double()) for axis in (0, 1)]
    return torch.stack(columns, dim=1)


def _quantiles(mass: Tensor, edges: Tensor, levels: Tensor) -> Tensor:
    """Quantiles of a one-dimensional distribution that is uniform within each cell."""
    below = torch.cat([torch.zeros(1, dtype=mass.dtype), mass.cumsum(0)])
    below = below / below[-1]
    cell = (torch.searchsorted(below, levels, right=True) - 1).clamp(0, len(mass) - 1)
    inside = (levels - below[cell]) / mass[cell].clamp_min(1e-300)
    return edges[cell] + inside.clamp(0.0, 1.0) * (edges[cell + 1] - edges[cell])
