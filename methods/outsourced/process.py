"""The reference process in noise space: Ornstein-Uhlenbeck steps that leave N(0, I) as it is.

z_{k+1} = a_k z_k + (1 - a_k²)^(1/2) normal, in which z_k and the last state z_K have correlation c_k. The
publication (arXiv 2502.06999) takes Euler steps with a rate between 0.1 and 20, whose last noise, 0.06, is
wider than many a posterior. Here steps are exact, and (1 - c_k²)^(1/2) / c_k falls geometrically.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["NoiseProcess"]


@dataclass(frozen=True)
class NoiseProcess:
    """K steps from noise that has nothing to do with the end, to the end.

    Arguments:
        steps: K.
        most: Noise to signal ratio of the first state.
        least: That of the last state but one.
    """

    steps: int = 25
    most: float = 80.0
    least: float = 0.003

    @property
    def correlations(self) -> Tensor:
        """c_0 … c_K, ``(K + 1,)``; c_K = 1."""
        ratio = torch.logspace(0.0, 1.0, self.steps, base=self.least / self.most, dtype=torch.float64)
        c = (1.0 + (self.most * ratio).square()).rsqrt()
        return torch.cat([c, torch.ones(1, dtype=torch.float64)])

    @property
    def decays(self) -> Tensor:
        """a_0 … a_{K-1}, ``(K,)``."""
        c = self.correlations
        return c[:-1] / c[1:]

    @property
    def log_noise(self) -> Tensor:
        """Logarithm of the noise to signal ratio of states 0 … K - 1, ``(K,)``."""
        return self.correlations[:-1].acos().tan().log()

    def back_from(self, end: Tensor, noise: Tensor) -> Tensor:
        """Whole trajectories that end there, ``(K + 1, N, dim)``: the process is the same backwards.

        Arguments:
            end: Last states, ``(N, dim)``.
            noise: Standard normal, ``(K, N, dim)``.
        """
        states = [end]
        for decay, step in zip(self.decays.flip(0).tolist(), noise, strict=True):
            states.append(decay * states[-1] + (1.0 - decay**2) ** 0.5 * step)
        return torch.stack(states[::-1])

    def innovations(self, states: Tensor) -> Tensor:
        """Steps of trajectories ``(K + 1, N, dim)`` in units of their noise, ``(K, N, dim)``."""
        a = self.decays.to(states)[:, None, None]
        return (states[1:] - a * states[:-1]) / (1.0 - a.square()).sqrt()
