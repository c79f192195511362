"""Dense layers as a function of their weights, so that the same code trains networks and runs stored ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import silu

__all__ = ["Weights", "new_layers", "perceptron"]

Weights = Mapping[str, Tensor]


def new_layers(sizes: Sequence[int], generator: torch.Generator, prefix: str = "") -> dict[str, Tensor]:
    """Trainable weights and biases of dense layers, float32.

    Initial weights are drawn from N(0, 1 / inputs), with a tenth of that standard deviation in the last
    layer. Initial biases are zero.

    Arguments:
        sizes: Widths of all layers, from input to output; at least two.
        generator: Generator for the initial weights.
        prefix: Prefix of the names, which are ``{prefix}weight_0``, ``{prefix}bias_0`` and so on.
    """
    layers: dict[str, Tensor] = {}
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        scale = inputs**-0.5 * (0.1 if i == len(sizes) - 2 else 1.0)
        weight = scale * torch.randn(outputs, inputs, generator=generator)
        layers[f"{prefix}weight_{i}"] = weight.requires_grad_()
        layers[f"{prefix}bias_{i}"] = torch.zeros(outputs, requires_grad=True)
    return layers


def perceptron(weights: Weights, inputs: Tensor, prefix: str = "") -> Tensor:
    """Outputs ``(N, E)`` of the network for inputs ``(N, D)``; SiLU between layers makes the map smooth.

    Example:
        >>> layers = new_layers([2, 16, 3], torch.Generator().manual_seed(0))
        >>> perceptron(layers, torch.zeros(5, 2)).shape
        torch.Size([5, 3])
    """
    depth = sum(name.startswith(f"{prefix}weight_") for name in weights)
    for i in range(depth):
        inputs = inputs @ weights[f"{prefix}weight_{i}"].T + weights[f"{prefix}bias_{i}"]
        if i < depth - 1:
            inputs = silu(inputs)
    return inputs
