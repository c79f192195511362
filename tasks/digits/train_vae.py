"""Training of a variational autoencoder of images; one learned noise level r is shared by all pixels.

With an encoder q(z | y) = N(m(y), diag s(y)²) and a decoder f, training maximises the lower bound

    E_q[log N(y; f(z), r² I)] - KL(q(z | y) || N(0, I)).

References: Kingma and Welling, arXiv 1312.6114; for the learned r, Rybkin, Daniilidis, Levine,
arXiv 2006.13202.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tasks.digits.generators import decode
from tasks.digits.perceptron import new_layers, perceptron
from tasks.digits.training import minimise

__all__ = ["train_vae"]

WIDTH = 64
STEPS = 12_000


def train_vae(images: Tensor, dim: int, seed: int, steps: int = STEPS) -> dict[str, Tensor]:
    """Train an autoencoder and return the weights of its decoder, whose names begin with ``decoder_``.

    The encoder is needed for training only.

    Arguments:
        images: Images, ``(N, 64)``, with pixels in [0, 1].
        dim: Number of latents.
        seed: Seed for all randomness.
        steps: Number of batches.
    """
    generator = torch.Generator().manual_seed(seed)
    pixels = images.shape[1]
    encoder = new_layers([pixels, 2 * WIDTH, WIDTH, 2 * dim], generator, "encoder_")
    decoder = new_layers([dim, WIDTH, WIDTH, pixels], generator, "decoder_")
    log_noise = torch.tensor(-1.5, requires_grad=True)

    def loss(rows: Tensor) -> Tensor:
        y = images[rows]
        mean, log_sd = perceptron(encoder, y, "encoder_").chunk(2, dim=-1)
        z = mean + log_sd.exp() * torch.randn(mean.shape, generator=generator)
        squared = (y - decode(decoder, z)).square().sum(-1)
        fit = 0.5 * squared * torch.exp(-2.0 * log_noise) + pixels * log_noise
        divergence = (0.5 * (mean.square() + torch.exp(2.0 * log_sd) - 1.0) - log_sd).sum(-1)
        return (fit + divergence).mean()

    parameters = {**encoder, **decoder, "log_noise": log_noise}
    minimise(loss, parameters, len(images), steps=steps, generator=generator)
    return decoder
