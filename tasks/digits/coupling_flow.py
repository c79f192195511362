"""A normalising flow of affine couplings.

In each layer, one half of the coordinates determines how the other half is scaled and shifted. The flow
starts from y = z. Layer i then splits y into halves a and b, whose roles alternate between layers, and sets

    b <- b exp(s_i(a)) + t_i(a),   so that   log |det dy / dz| = sum over layers i of sum s_i(a).

Reference: Dinh, Sohl-Dickstein, Bengio, Density estimation using Real NVP, arXiv 1605.08803.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tasks.digits.perceptron import Weights, new_layers, perceptron

__all__ = ["flow_log_prob", "new_flow", "transport"]

LAYERS = 8
WIDTH = 48
STEEPEST = 2.0  # bound for the absolute log scales of a layer


def new_flow(dim: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Trainable weights of a flow.

    Arguments:
        dim: Number of coordinates; it must be even.
        generator: Generator for the initial weights.
    """
    half = dim // 2
    parts = [new_layers([half, WIDTH, WIDTH, dim], generator, f"coupling_{i}_") for i in range(LAYERS)]
    return {name: value for part in parts for name, value in part.items()}


def _scale_and_shift(weights: Weights, i: int, a: Tensor) -> tuple[Tensor, Tensor]:
    scale, shift = perceptron(weights, a, f"coupling_{i}_").chunk(2, dim=-1)
    return STEEPEST * torch.tanh(scale / STEEPEST), shift


def transport(weights: Weights, z: Tensor) -> Tensor:
    """Map noise z ``(N, D)`` to data coordinates y ``(N, D)``."""
    a, b = z.chunk(2, dim=-1)
    for i in range(LAYERS):
        scale, shift = _scale_and_shift(weights, i, a)
        a, b = b * scale.exp() + shift, a
    return torch.cat([a, b], dim=-1)


def flow_log_prob(weights: Weights, y: Tensor) -> Tensor:
    """Log density in nats, ``(N,)``, of data coordinates y ``(N, D)`` if the noise is N(0, I)."""
    a, b = y.chunk(2, dim=-1)
    log_det = torch.zeros_like(y[:, 0])
    for i in reversed(range(LAYERS)):
        scale, shift = _scale_and_shift(weights, i, b)
        a, b = b, (a - shift) * (-scale).exp()
        log_det = log_det + scale.sum(-1)
    z = torch.cat([a, b], dim=-1)
    return -0.5 * z.square().sum(-1) - 0.5 * z.shape[1] * math.log(2.0 * math.pi) - log_det
