"""Labelled data for the one-pass student: noise and conditions in, the teacher's samples out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from methods.contract.seeding import derive_seed

__all__ = ["FlowFunction", "Labels", "between_neighbours", "generate_labels", "jittered"]

NEIGHBOURS = 5

FlowFunction = Callable[[Tensor, Tensor], Tensor]


class Labels(NamedTuple):
    """Noise z ``(M, dim_theta)``, conditions x ``(M, dim_x)`` and the teacher's theta ``(M, dim_theta)``.

    Between two stages z and theta are partly noise.
    """

    z: Tensor
    x: Tensor
    theta: Tensor


def generate_labels(
    stages: Sequence[FlowFunction], conditions: Tensor, *, dim_theta: int, seed: int
) -> list[Labels]:
    """Run a deterministic teacher on fresh noise, one draw for each condition: labels for each of its stages.

    Arguments:
        stages: Maps ``(z, x) -> theta`` with rows that go together, from noise to the end of each stage; a
            single one for one pass. A stage's labels lead from the end of the stage before to its own.
        conditions: Data x to condition on, ``(M, dim_x)``, by :func:`jittered` or :func:`between_neighbours`.
        dim_theta: Width of the noise.
        seed: Seed of the noise.
    """
    generator = torch.Generator().manual_seed(derive_seed("label noise", seed))
    z = torch.randn(len(conditions), dim_theta, generator=generator).to(conditions)
    with torch.no_grad():
        ends = [z, *(stage(z, conditions) for stage in stages)]
    return [Labels(start, conditions, end) for start, end in pairwise(ends)]


def jittered(x: Tensor, n: int, width: float, seed: int) -> Tensor:
    """Conditions ``(n, dim_x)``: the stored x ``(K, dim_x)`` in turn, moved by noise of deviation ``width``.

    With few simulations the student must not learn the stored points alone.
    """
    generator = torch.Generator().manual_seed(derive_seed("jitter", seed))
    noise = torch.randn(n, x.shape[1], generator=generator).to(x)
    return _in_turn(x, n) + width * noise


def between_neighbours(x: Tensor, n: int, seed: int) -> Tensor:
    """Conditions ``(n, dim_x)``: the stored x ``(K, dim_x)`` in turn, moved towards a near neighbour.

    They go a random part of the way, to one of the five nearest: as far as the data lie apart, and along the
    surface that they lie on, which no one width of a jitter does.
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
    return start + way * (x[other] - start)


def _in_turn(x: Tensor, n: int) -> Tensor:
    return x[torch.arange(n, device=x.device) % len(x)]
