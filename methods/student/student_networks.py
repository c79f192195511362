"""Networks for the student, which map [z, x] to theta, and their losses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from methods.learning.networks import ResidualMLP, joined, mlp

__all__ = ["BranchedNetwork", "PlainNetwork", "StudentNetwork", "student_network"]


class PlainNetwork(nn.Module):
    """A ReLU network trained by mean squared error, as in Zhang et al. (arXiv 2506.18227).

    Arguments:
        dim_theta: Width of z and theta.
        dim_x: Width of x.
        width: Number of units in a hidden layer.
        depth: Number of hidden layers.
    """

    def __init__(self, dim_theta: int, dim_x: int, width: int, depth: int) -> None:
        super().__init__()
        self.mlp = mlp(dim_theta + dim_x, dim_theta, width, depth)

    def forward(self, z: Tensor, x: Tensor) -> Tensor:
        """Return theta ``(..., dim_theta)`` for z ``(..., dim_theta)`` and x ``(..., dim_x)``.

        The inputs broadcast.
        """
        return self.mlp[1:](joined(cast(nn.Linear, self.mlp[0]), z, x))

    def loss(self, z: Tensor, x: Tensor, theta: Tensor) -> Tensor:
        """Return the mean squared error of the predicted labels theta ``(N, dim_theta)``."""
        return (self(z, x) - theta).square().mean()


class BranchedNetwork(nn.Module):
    """A network of several smooth maps z + f_b(z, x), called branches, and the probability of each.

    Noise that the teacher maps to one mode of a posterior can be adjacent to noise that it maps to another.
    The teacher's map is nearly discontinuous there, and a smooth network would place samples between the
    modes. Here each sample comes from one branch, and the discontinuity lies where the branch probabilities
    change. The network is trained by maximum likelihood of the labels under the mixture

        sum_b p_b(z, x) N(theta; z + f_b(z, x), s² I)

    with one scale s for all branches.

    Arguments:
        dim_theta: Width of z and theta.
        dim_x: Width of x.
        width: Number of units in a hidden layer.
        depth: Number of hidden layers.
        branches: Number of branches.
    """

    def __init__(self, dim_theta: int, dim_x: int, width: int, depth: int, branches: int) -> None:
        super().__init__()
        self._shape = (branches, dim_theta)
        self.mlp = ResidualMLP(dim_theta + dim_x, branches * (dim_theta + 1), width, depth)
        nn.init.normal_(self.mlp.last.weight, std=0.01 / width**0.5)  # Equal branches would stay equal.
        self.log_scale = nn.Parameter(torch.tensor(-1.0))

    def forward(self, z: Tensor, x: Tensor) -> Tensor:
        """Return theta ``(..., dim_theta)``. The branch of each row is drawn by its probability."""
        moved, logits = self._branches(z, x)
        # Each branch owns a part of (0, 1) as long as its probability; a uniform number chooses one.
        edges = logits.softmax(dim=-1).cumsum(dim=-1)[..., :-1]
        chosen = (torch.rand_like(logits[..., :1]) > edges).sum(dim=-1)
        at = chosen[..., None, None].expand(*chosen.shape, 1, self._shape[1])
        return z + moved.gather(-2, at).squeeze(-2)

    def loss(self, z: Tensor, x: Tensor, theta: Tensor) -> Tensor:
        """Return the mean negative log likelihood of labels theta ``(N, dim_theta)`` per column.

        It is in nats, up to a constant.
        """
        moved, logits = self._branches(z, x)
        log_scale = self.log_scale.clamp(-6.0, 1.0)
        squared = (moved - (theta - z)[..., None, :]).square().sum(dim=-1)
        log_density = (
            logits.log_softmax(dim=-1) - 0.5 * squared * (-2.0 * log_scale).exp() - self._shape[1] * log_scale
        )
        return -torch.logsumexp(log_density, dim=-1).mean() / self._shape[1]

    def _branches(self, z: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        branches, dim = self._shape
        moved, logits = self.mlp(z, x).split([branches * dim, branches], dim=-1)
        return moved.unflatten(-1, (branches, dim)), logits


StudentNetwork = PlainNetwork | BranchedNetwork


def student_network(width: int, depth: int, branches: int) -> Callable[[int, int], StudentNetwork]:
    """Return a function of dim_theta and dim_x that builds a network.

    With one branch it builds a :class:`PlainNetwork`, otherwise a :class:`BranchedNetwork`.
    """
    if branches == 1:
        return partial(PlainNetwork, width=width, depth=depth)
    return partial(BranchedNetwork, width=width, depth=depth, branches=branches)
