"""The denoiser's network: a residual MLP of the noisy residuals, the noise level and the encoded data."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from methods.learning.denoising import NoiseNetwork
from methods.learning.networks import ResidualMLP

__all__ = ["LOG_NOISE_RANGE", "DenoiserNetwork", "log_noise_at", "velocity_loss"]

FREQUENCIES = 8
# In training, ln(beta / alpha) is normal, as in Karras et al. (2022) for data of unit variance.
LOG_NOISE_MEAN, LOG_NOISE_STD = -1.4, 1.4
LOG_NOISE_RANGE = (math.log(0.002), math.log(80.0))


def log_noise_at(time: float) -> float:
    """Return ln(beta / alpha) at an angle of the diffusion in [0, pi / 2], clamped to the training range."""
    low, high = LOG_NOISE_RANGE
    return math.log(min(max(math.tan(time), math.exp(low)), math.exp(high)))


class DenoiserNetwork(NoiseNetwork):
    """The velocity dz/dt = F(z, ln(beta / alpha), c) of the trigonometric diffusion. Before training, F is 0.

    Arguments:
        dim_theta: Width of z.
        dim_c: Width of the encoded data c.
        width: Number of units in a hidden layer.
        depth: Number of hidden layers.
    """

    def __init__(self, dim_theta: int, dim_c: int, width: int, depth: int) -> None:
        super().__init__()
        self.mlp = ResidualMLP(dim_theta + dim_c + 2 * FREQUENCIES, dim_theta, width, depth)
        self.register_buffer("frequencies", 0.125 * torch.arange(1, FREQUENCIES + 1))

    def forward(self, z: Tensor, log_noise: Tensor, c: Tensor) -> Tensor:
        """Return velocities ``(N, dim_theta)``.

        Arguments:
            z: Noisy values, ``(N, dim_theta)``.
            log_noise: Noise levels ln(beta / alpha), ``(1 or N, 1)``.
            c: Encoded data, ``(1 or N, dim_c)``.
        """
        phase = log_noise * self.get_buffer("frequencies")
        return self.mlp(z, c, torch.cat([phase.sin(), phase.cos()], dim=-1))

    def losses(self, w: Tensor, c: Tensor, level: Tensor, noise: Tensor) -> Tensor:
        """Return the loss of each row; see :func:`velocity_loss`."""
        return velocity_loss(self, w, c, level, noise)


def velocity_loss(network: nn.Module, w: Tensor, c: Tensor, level: Tensor, noise: Tensor) -> Tensor:
    """Return the denoising score matching loss of each row, ``(N,)``.

    The loss is |F - (cos(t) noise - sin(t) w)|² / dim_theta.

    Arguments:
        network: A :class:`DenoiserNetwork`.
        w: Clean residuals, ``(N, dim_theta)``.
        c: Encoded data, ``(N, dim_c)``.
        level: Standard normal numbers that choose the noise level of each row, ``(N, 1)``.
        noise: Standard normal noise, ``(N, dim_theta)``.
    """
    log_noise = (LOG_NOISE_MEAN + LOG_NOISE_STD * level).clamp(*LOG_NOISE_RANGE)
    time = log_noise.exp().atan()
    alpha, beta = time.cos(), time.sin()
    velocity = network(alpha * w + beta * noise, log_noise, c)
    return (velocity - (alpha * noise - beta * w)).square().mean(-1)
