"""Feedforward networks of the suite's own methods."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn

from methods.contract.seeding import derive_seed

__all__ = ["ResidualMLP", "joined", "mlp", "seeded"]

Network = TypeVar("Network", bound=nn.Module)


def seeded(make: Callable[[], Network], seed: int) -> Network:
    """Return the network that ``make`` builds, with weights that depend on the seed alone.

    Torch's global random state is left unchanged.
    """
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed("weights", seed))
        return make()


def joined(layer: nn.Linear, *inputs: Tensor) -> Tensor:
    """Apply a layer to the concatenation of its inputs, which may broadcast.

    Each input is multiplied before it is broadcast, so an input that many rows share is multiplied once.

    Arguments:
        layer: Linear layer whose input width is the sum of the inputs' widths.
        inputs: Tensors ``(..., width)``.

    Example:
        >>> import torch
        >>> layer = nn.Linear(5, 4)
        >>> joined(layer, torch.zeros(7, 3), torch.zeros(1, 2)).shape
        torch.Size([7, 4])
    """
    weights = layer.weight.split([values.shape[-1] for values in inputs], dim=-1)
    products = [nn.functional.linear(*pair) for pair in zip(inputs, weights, strict=True)]
    # The smallest product comes first, so that the bias is added to the fewest numbers.
    products.sort(key=Tensor.numel)
    total: Tensor = layer.bias
    for product in products:
        total = total + product
    return total


def mlp(dim_in: int, dim_out: int, width: int, depth: int) -> nn.Sequential:
    """Return a network of ``depth`` hidden ReLU layers of ``width`` units and a linear output layer."""
    widths = [dim_in] + [width] * depth
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, dim_out))


class ResidualMLP(nn.Module):
    """A network of ``depth`` pre-normalised residual layers of ``width`` units.

    The output layer is initialised to zero.
    """

    def __init__(self, dim_in: int, dim_out: int, width: int, depth: int) -> None:
        super().__init__()
        self.first = nn.Linear(dim_in, width)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(depth)])
        self.hidden = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
        self.last = nn.Linear(width, dim_out)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    @property
    def matrices(self) -> list[nn.Linear]:
        """The hidden layers. Their weight matrices are square."""
        return [layer for layer in self.hidden if isinstance(layer, nn.Linear)]

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return outputs ``(..., dim_out)``. The inputs broadcast, and their widths sum to dim_in."""
        hidden = joined(self.first, *inputs)
        for norm, layer in zip(self.norms, self.hidden, strict=True):
            hidden = hidden + layer(nn.functional.silu(norm(hidden)))
        return self.last(nn.functional.silu(hidden))
