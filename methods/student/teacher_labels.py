"""Labels for training the one-pass student: noise, conditions and the teacher's samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from methods.contract.seeding import derive_seed

__all__ = ["FlowFunction", "Labels", "between_neighbours", "generate_labels", "jittered"]

NEIGHBOURS = 5
ROWS = 8192  # Conditions computed at once.

FlowFunction = Callable[[Tensor, Tensor], Tensor]


class Labels(NamedTuple):
    """The training data of a student.

    Attributes:
        z: Noise, ``(M, dim_theta)``.
        x: Conditions, ``(M, dim_x)``.
        theta: The teacher's results, ``(M, dim_theta)``.
    """

    z: Tensor
    x: Tensor
    theta: Tensor


def generate_labels(flow: FlowFunction, conditions: Tensor, *, dim_theta: int, seed: int) -> Labels:
    """Run a deterministic teacher on new noise, with one draw per condition, and return labels.

    Arguments:
        flow: Map ``(z, x) -> theta``, applied row by row.
        conditions: Data x to condition on, ``(M, dim_x)``, from :func:`jittered` or
            :func:`between_neighbours`.
        dim_theta: Width of the noise.
        seed: Seed for the noise.
    """
    generator = torch.Generator().manual_seed(derive_seed("label noise", seed))
    z = torch.randn(len(conditions), dim_theta, generator=generator).to(conditions)
    with torch.no_grad():
        return Labels(z, conditions, flow(z, conditions))


def jittered(x: Tensor, n: int, width: float, seed: int) -> Tensor:
    """Return conditions ``(n, dim_x)``: stored x ``(K, dim_x)``, used in turn, with Gaussian noise added.

    Without the noise a student of few simulations would learn only the stored points.

    Arguments:
        x: Stored data, ``(K, dim_x)``.
        n: Number of conditions.
        width: Standard deviation of the noise.
        seed: Seed for the noise.
    """
    generator = torch.Generator().manual_seed(derive_seed("jitter", seed))
    noise = torch.randn(n, x.shape[1], generator=generator).to(x)
    return _in_turn(x, n) + width * noise


def between_neighbours(x: Tensor, n: int, seed: int) -> Tensor:
    """Return conditions ``(n, dim_x)``: stored x ``(K, dim_x)``, used in turn, moved towards a neighbour.

    Each moves a uniformly random part of the way towards one of its five nearest neighbours. The size of the
    move therefore adapts to the local density of the data, and its direction to the surface that they lie on,
    which no fixed width of noise does.

    Arguments:
        x: Stored data, ``(K, dim_x)``.
        n: Number of conditions.
        seed: Seed for neighbours and distances.
    """
    from sklearn.neighbors import NearestNeighbors

    values = x.cpu().numpy()
    count = min(NEIGHBOURS + 1, len(values))
    nearest = NearestNeighbors(n_neighbors=count).fit(values).kneighbors(values, return_distance=False)
    generator = torch.Generator().manual_seed(derive_seed("neighbours", seed))
    column = torch.randint(min(1, count - 1), count, (n,), generator=generator)
    rows = torch.arange(n) % len(x)
    other = torch.from_numpy(nearest)[rows, column].to(x.device)
    way = torch.rand(n, 1, generator=generator).to(x)
    start = _in_turn(x, n)
    # In parts and in place, since the conditions take much memory if x has many columns.
    for part, towards, share in zip(start.split(ROWS), other.split(ROWS), way.split(ROWS), strict=True):
        part += share * (x[towards] - part)
    return start


def _in_turn(x: Tensor, n: int) -> Tensor:
    return x[torch.arange(n, device=x.device) % len(x)]
