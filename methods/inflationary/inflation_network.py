"""A denoiser under noise that differs between directions, preconditioned direction by direction."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from methods.inflationary.schedule import InflationSchedule
from methods.learning.denoising import NoiseNetwork
from methods.learning.networks import ResidualMLP

__all__ = ["InflationNetwork"]

FREQUENCIES = 8


class InflationNetwork(NoiseNetwork):
    """D(y, t, c), the mean of whitened data given y = w + sqrt(gamma(t)) noise; untrained, normal data's.

    D = c_skip y - c_out F(c_in y, t, c) with c_skip = 1 / (1 + gamma), c_in its root, c_out² = gamma c_skip:
    Karras et al. (2022) for each direction, as arXiv 2407.08843 has it, at unit variance of the data.

    Arguments:
        schedule: Of the noise.
        dim_c: Width of the condition, 0 for none.
        width: Units of a hidden layer.
        depth: Hidden layers.
    """

    def __init__(self, schedule: InflationSchedule, dim_c: int, width: int, depth: int) -> None:
        super().__init__()
        dim = len(schedule.rates)
        self.schedule = schedule
        self.mlp = ResidualMLP(dim + dim_c + 2 * FREQUENCIES, dim, width, depth)
        frequencies = 0.5 * math.pi / schedule.end * torch.arange(1, FREQUENCIES + 1)
        self.register_buffer("frequencies", frequencies)

    def forward(self, y: Tensor, t: Tensor, c: Tensor) -> Tensor:
        """Clean means of y, both ``(N, dim)``, at times t ``(1 or N, 1)``, given c ``(1 or N, dim_c)``."""
        gamma = self.schedule.noise(t)
        skip = 1.0 / (1.0 + gamma)
        return skip * y - (gamma * skip).sqrt() * self._target(skip.sqrt() * y, t, c)

    def losses(self, w: Tensor, c: Tensor, level: Tensor, noise: Tensor) -> Tensor:
        """Square error of D over c_out², mean of directions, ``(N,)``, at times uniform over the schedule.

        The times are the normal ``level`` ``(N, 1)`` through its distribution function.
        """
        t = self.schedule.end * torch.special.ndtr(level)
        gamma = self.schedule.noise(t)
        root = (1.0 + gamma).sqrt()
        found = self._target((w + gamma.sqrt() * noise) / root, t, c)
        return (found - (noise - gamma.sqrt() * w) / root).square().mean(-1)

    def _target(self, scaled: Tensor, t: Tensor, c: Tensor) -> Tensor:
        phase = t * self.get_buffer("frequencies")
        return self.mlp(scaled, c, torch.cat([phase.sin(), phase.cos()], dim=-1))
