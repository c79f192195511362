"""The density of a denoiser, computed from the change of volume along its probability-flow ODE."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor

from methods.diffusion import divergence
from methods.learning.denoiser_network import DenoiserNetwork, log_noise_at

__all__ = ["log_likelihood"]

STEPS = 24


def log_likelihood(network: DenoiserNetwork, w: Tensor, c: Tensor, steps: int = STEPS) -> Tensor:
    """Return the log density ``(N,)``, in nats, of residuals w ``(N, dim)`` given c ``(1 or N, dim_c)``.

    The ODE dz/dt = F(z, t, c) is integrated from w at t = 0 to noise z at t = pi / 2, and

        log p(w | c) = log N(z; 0, I) + integral of div F dt.

    The midpoint rule is used with the exact divergence, so a step costs two times as many backward passes as
    w has columns. Step sizes grow linearly with the step number. Uniform steps would be larger than the noise
    level at which a narrow posterior forms, and would overestimate its density.
    Source: Chen et al.: Neural ordinary differential equations, NeurIPS 2018 (continuous normalising flows).

    Arguments:
        network: The denoiser F.
        w: Residuals, ``(N, dim)``.
        c: Encoded data, ``(1 or N, dim_c)``.
        steps: Number of steps of the midpoint rule.
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
    """Return the velocity ``(N, dim)`` at an angle of the diffusion, and its divergence ``(N,)``."""
    level = z.new_full((1, 1), log_noise_at(time))
    return divergence(lambda z: network(z, level, c), z)
