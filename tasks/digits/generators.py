"""Digits of noise: the stored generators, each a smooth map from the latent space into [0, 1]^64."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus

from tasks.digits.coupling_flow import transport
from tasks.digits.perceptron import Weights, perceptron
from tasks.digits.weights import read_weights

__all__ = ["GENERATORS", "decode", "generate", "soft_clip"]

SHARPNESS = 20.0  # of the corners of :func:`soft_clip`; 0 becomes log(2) / 20 = .035


def decode(weights: Weights, z: Tensor) -> Tensor:
    """Mean image ``(N, 64)`` of a variational autoencoder's decoder."""
    return torch.sigmoid(perceptron(weights, z, "decoder_"))


def soft_clip(y: Tensor) -> Tensor:
    """Into [0, 1], with rounded corners: gradients of a likelihood behind it have no jumps."""
    return (softplus(y, beta=SHARPNESS) - softplus(y - 1.0, beta=SHARPNESS)).clamp(0.0, 1.0)


def _flow_image(weights: Weights, z: Tensor) -> Tensor:
    """Flow in whitened principal coordinates, then the image that these stand for."""
    return soft_clip(weights["mean"] + transport(weights, z) @ weights["components"])


GENERATORS: dict[str, Callable[[Weights, Tensor], Tensor]] = {
    "vae_2": decode,
    "vae_8": decode,
    "flow_8": _flow_image,
}


def generate(name: str, z: Tensor) -> Tensor:
    """Images of a stored generator, in float64 on the CPU; differentiable.

    Arguments:
        name: One of ``GENERATORS``; the number in it is that of latent dimensions D.
        z: Latents ``(N, D)``.

    Returns:
        Pixels in [0, 1], row by row from the top left, ``(N, 64)``; NaN rows where z is NaN.
    """
    return GENERATORS[name](read_weights(name), z.cpu().double())
