"""The stored generators of digits. Each is a smooth map from latent space to images in [0, 1]^64."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus

from tasks.digits.coupling_flow import transport
from tasks.digits.perceptron import Weights, perceptron
from tasks.digits.weights import read_weights

__all__ = ["GENERATORS", "decode", "generate", "soft_clip"]

SHARPNESS = 20.0  # sharpness of the corners of :func:`soft_clip`, which maps 0 to log(2) / 20 = 0.035


def decode(weights: Weights, z: Tensor) -> Tensor:
    """Mean images ``(N, 64)`` that a variational autoencoder's decoder gives for latents z ``(N, D)``."""
    return torch.sigmoid(perceptron(weights, z, "decoder_"))


def soft_clip(y: Tensor) -> Tensor:
    """Clip values to [0, 1] with rounded corners, so that gradients of a likelihood have no jumps."""
    return (softplus(y, beta=SHARPNESS) - softplus(y - 1.0, beta=SHARPNESS)).clamp(0.0, 1.0)


def _flow_image(weights: Weights, z: Tensor) -> Tensor:
    """Images from a flow in whitened principal components."""
    return soft_clip(weights["mean"] + transport(weights, z) @ weights["components"])


GENERATORS: dict[str, Callable[[Weights, Tensor], Tensor]] = {
    "vae_2": decode,
    "vae_8": decode,
    "flow_8": _flow_image,
}


def generate(name: str, z: Tensor) -> Tensor:
    """Images of a stored generator. They are computed in float64 on the CPU and are differentiable.

    Arguments:
        name: Name of the generator, one of ``GENERATORS``; the number in it is the latent dimension D.
        z: Latents, ``(N, D)``.

    Returns:
        Pixels in [0, 1], row by row from the top left, ``(N, 64)``; a row is NaN if its z is.
    """
    return GENERATORS[name](read_weights(name), z.cpu().double())
