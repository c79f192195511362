"""A denoiser for noise that differs between directions, with a preconditioning for each direction."""

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
    """The denoiser D(y, t, c), the mean of whitened data w given y = w + sqrt(gamma(t)) noise.

    With a network F it is

        D = c_skip y - c_out F(c_in y, t, c),
        c_skip = 1 / (1 + gamma),    c_in = c_skip^(1/2),    c_out = (gamma c_skip)^(1/2).

    This is the preconditioning of Karras et al. (2022) in each direction, as in arXiv 2407.08843, for data of
    unit variance. Before training, F = 0 and D is exact for standard normal data.

    Arguments:
        schedule: Schedule of the noise.
        dim_c: Width of the condition c; 0 for none.
        width: Number of units in a hidden layer.
        depth: Number of hidden layers.
    """

    def __init__(self, schedule: InflationSchedule, dim_c: int, width: int, depth: int) -> None:
        super().__init__()
        dim = len(schedule.rates)
        self.schedule = schedule
        self.mlp = ResidualMLP(dim + dim_c + 2 * FREQUENCIES, dim, width, depth)
        frequencies = 0.5 * math.pi / schedule.end * torch.arange(1, FREQUENCIES + 1)
        self.register_buffer("frequencies", frequencies)

    def forward(self, y: Tensor, t: Tensor, c: Tensor) -> Tensor:
        """Return means ``(N, dim)`` for y ``(N, dim)``, t ``(1 or N, 1)`` and c ``(1 or N, dim_c)``."""
        gamma = self.schedule.noise(t)
        skip = 1.0 / (1.0 + gamma)
        return skip * y - (gamma * skip).sqrt() * self._target(skip.sqrt() * y, t, c)

    def losses(self, w: Tensor, c: Tensor, level: Tensor, noise: Tensor) -> Tensor:
        """Return the squared error of D divided by c_out², averaged over directions, ``(N,)``.

        Times are uniform over the schedule: they are end * Phi(level), where Phi is the distribution function
        of the standard normal. See :meth:`NoiseNetwork.losses` for the arguments.
        """
        t = self.schedule.end * torch.special.ndtr(level)
        gamma = self.schedule.noise(t)
        root = (1.0 + gamma).sqrt()
        found = self._target((w + gamma.sqrt() * noise) / root, t, c)
        return (found - (noise - gamma.sqrt() * w) / root).square().mean(-1)

    def _target(self, scaled: Tensor, t: Tensor, c: Tensor) -> Tensor:
        phase = t * self.get_buffer("frequencies")
        return self.mlp(scaled, c, torch.cat([phase.sin(), phase.cos()], dim=-1))
