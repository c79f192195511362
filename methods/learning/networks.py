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
    """What ``make`` makes, with weights that depend on the seed; torch's global state is left unchanged."""
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed("weights", seed))
        return make()


def joined(layer: nn.Linear, *inputs: Tensor) -> Tensor:
    """The layer on its inputs side by side, which may broadcast: what many rows share is multiplied once.

    Arguments:
        layer: From the inputs' widths together.
        inputs: Each ``(..., width)``.

    Example:
        >>> import torch
        >>> layer = nn.Linear(5, 4)
        >>> joined(layer, torch.zeros(7, 3), torch.zeros(1, 2)).shape
        torch.Size([7, 4])
    """
    weights = layer.weight.split([values.shape[-1] for values in inputs], dim=-1)
    products = [nn.functional.linear(*pair) for pair in zip(inputs, weights, strict=True)]
    # The smallest first: the bias is added where it is least work.
    products.sort(key=Tensor.numel)
    total: Tensor = layer.bias
    for product in products:
        total = total + product
    return total


def mlp(dim_in: int, dim_out: int, width: int, depth: int) -> nn.Sequential:
    """``depth`` hidden ReLU layers of ``width`` units and a linear output."""
    widths = [dim_in] + [width] * depth
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, dim_out))


class ResidualMLP(nn.Module):
    """``depth`` pre-normalised residual layers of ``width`` units; the last layer starts at zero."""

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
        """The hidden layers, whose matrices are square."""
        return [layer for layer in self.hidden if isinstance(layer, nn.Linear)]

    def forward(self, *inputs: Tensor) -> Tensor:
        """Outputs ``(..., dim_out)`` of inputs that are dim_in wide together and broadcast."""
        hidden = joined(self.first, *inputs)
        for norm, layer in zip(self.norms, self.hidden, strict=True):
            hidden = hidden + layer(nn.functional.silu(norm(hidden)))
        return self.last(nn.functional.silu(hidden))
