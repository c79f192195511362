"""A normalising flow of affine couplings: half of the coordinates scales and shifts the other half, in turn.

y = z, then for layer i the halves a and b of y, exchanged from layer to layer:

    b <- b exp(s_i(a)) + t_i(a),   log |dy / dz| = sum over i of sum s_i(a).

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
STEEPEST = 2.0  # log scales of a layer stay within this


def new_flow(dim: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Trainable couplings of ``dim`` coordinates, an even number."""
    half = dim // 2
    parts = [new_layers([half, WIDTH, WIDTH, dim], generator, f"coupling_{i}_") for i in range(LAYERS)]
    return {name: value for part in parts for name, value in part.items()}


def _scale_and_shift(weights: Weights, i: int, a: Tensor) -> tuple[Tensor, Tensor]:
    scale, shift = perceptron(weights, a, f"coupling_{i}_").chunk(2, dim=-1)
    return STEEPEST * torch.tanh(scale / STEEPEST), shift


def transport(weights: Weights, z: Tensor) -> Tensor:
    """Data coordinates ``(N, D)`` of noise ``(N, D)``."""
    a, b = z.chunk(2, dim=-1)
    for i in range(LAYERS):
        scale, shift = _scale_and_shift(weights, i, a)
        a, b = b * scale.exp() + shift, a
    return torch.cat([a, b], dim=-1)


def flow_log_prob(weights: Weights, y: Tensor) -> Tensor:
    """Log density, nats, ``(N,)``, of data coordinates ``(N, D)`` under noise N(0, I)."""
    a, b = y.chunk(2, dim=-1)
    log_det = torch.zeros_like(y[:, 0])
    for i in reversed(range(LAYERS)):
        scale, shift = _scale_and_shift(weights, i, b)
        a, b = b, (a - shift) * (-scale).exp()
        log_det = log_det + scale.sum(-1)
    z = torch.cat([a, b], dim=-1)
    return -0.5 * z.square().sum(-1) - 0.5 * z.shape[1] * math.log(2.0 * math.pi) - log_det
