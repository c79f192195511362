"""Networks for the student: inputs [z, x], output theta, and the loss that each is trained by."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from methods.learning.networks import ResidualMLP, joined, mlp

__all__ = ["BranchedNetwork", "PlainNetwork", "StudentNetwork", "student_network"]


class PlainNetwork(nn.Module):
    """The paper's: a ReLU network and mean squared error."""

    def __init__(self, dim_theta: int, dim_x: int, width: int, depth: int) -> None:
        super().__init__()
        self.mlp = mlp(dim_theta + dim_x, dim_theta, width, depth)

    def forward(self, z: Tensor, x: Tensor) -> Tensor:
        """Theta ``(..., dim_theta)`` of z ``(..., dim_theta)`` and x ``(..., dim_x)``, which broadcast."""
        return self.mlp[1:](joined(cast(nn.Linear, self.mlp[0]), z, x))

    def loss(self, z: Tensor, x: Tensor, theta: Tensor) -> Tensor:
        """Mean squared error of the labels theta ``(N, dim_theta)``."""
        return (self(z, x) - theta).square().mean()


class BranchedNetwork(nn.Module):
    """Several smooth maps z + f_b(z, x) and the probability of each.

    Noise that goes to one mode of a posterior lies beside noise that goes to another: the teacher's map is
    torn there, and a continuous network strews samples between the modes. Here a sample comes from one
    branch, and the tear is where the probabilities change over. Trained by the likelihood of the labels under
    the mixture of N(z + f_b, s² I), with one s for all.
    """

    def __init__(self, dim_theta: int, dim_x: int, width: int, depth: int, branches: int) -> None:
        super().__init__()
        self._shape = (branches, dim_theta)
        self.mlp = ResidualMLP(dim_theta + dim_x, branches * (dim_theta + 1), width, depth)
        nn.init.normal_(self.mlp.last.weight, std=0.01 / width**0.5)  # equal branches would stay equal
        self.log_scale = nn.Parameter(torch.tensor(-1.0))

    def forward(self, z: Tensor, x: Tensor) -> Tensor:
        """Theta ``(..., dim_theta)``, each row from a branch drawn by its probability."""
        moved, logits = self._branches(z, x)
        # The branch within whose share of (0, 1) a uniform number falls.
        edges = logits.softmax(dim=-1).cumsum(dim=-1)[..., :-1]
        chosen = (torch.rand_like(logits[..., :1]) > edges).sum(dim=-1)
        at = chosen[..., None, None].expand(*chosen.shape, 1, self._shape[1])
        return z + moved.gather(-2, at).squeeze(-2)

    def loss(self, z: Tensor, x: Tensor, theta: Tensor) -> Tensor:
        """Mean negative log likelihood of the labels theta ``(N, dim_theta)`` per column, in nats."""
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
    """Makes networks of dim_theta and dim_x: plain with one branch, else branched."""
    if branches == 1:
        return partial(PlainNetwork, width=width, depth=depth)
    return partial(BranchedNetwork, width=width, depth=depth, branches=branches)
