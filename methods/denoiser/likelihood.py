"""The density that a denoiser gives, by the change of volume along its ODE."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor

from methods.diffusion import divergence
from methods.learning.denoiser_network import DenoiserNetwork, log_noise_at

__all__ = ["log_likelihood"]

STEPS = 24


def log_likelihood(network: DenoiserNetwork, w: Tensor, c: Tensor, steps: int = STEPS) -> Tensor:
    """Log density ``(N,)`` of residuals w ``(N, dim)`` given encoded data c ``(1 or N, dim_c)``, in nats.

    Carries w to noise by the midpoint rule, with the exact divergence: as many backward passes in a step as w
    has columns. Steps of the diffusion's angle grow in proportion to their number, for even ones are wider
    than the noise at which a narrow posterior comes about, and find it too likely. Source: Chen et al. 2018
    (continuous normalising flows).
    """
    grown = w.new_zeros(len(w))
    z = w
    for start, end in pairwise(0.5 * math.pi * (step / steps) ** 2 for step in range(steps + 1)):
        size = end - start
        velocity, _ = _flow(network, z, start, c)
        velocity, divergence = _flow(network, z + 0.5 * size * velocity, 0.5 * (start + end), c)
        z = z + size * velocity
        grown = grown + size * divergence
    return grown - 0.5 * z.square().sum(1) - 0.5 * w.shape[1] * math.log(2.0 * math.pi)


def _flow(network: DenoiserNetwork, z: Tensor, time: float, c: Tensor) -> tuple[Tensor, Tensor]:
    """Velocity ``(N, dim)`` at an angle of the diffusion, and its divergence ``(N,)``."""
    level = z.new_full((1, 1), log_noise_at(time))
    return divergence(lambda z: network(z, level, c), z)
