"""The reference process in noise space: Ornstein-Uhlenbeck steps that leave N(0, I) invariant.

The steps are z_{k+1} = a_k z_k + (1 - a_k²)^(1/2) e with e ~ N(0, I). The correlation of z_k with the last
state z_K is c_k.

Not as published: arXiv 2502.06999 uses Euler steps with a rate between 0.1 and 20. The noise of its last
step, 0.06, is wider than many posteriors. Here steps are exact, and the noise to signal ratio
(1 - c_k²)^(1/2) / c_k falls geometrically.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["NoiseProcess"]


@dataclass(frozen=True)
class NoiseProcess:
    """A process of K steps, whose first state is almost independent of its last.

    Arguments:
        steps: Number of steps K.
        most: Noise to signal ratio of the first state.
        least: Noise to signal ratio of the last state but one.
    """

    steps: int = 25
    most: float = 80.0
    least: float = 0.003

    @property
    def correlations(self) -> Tensor:
        """Correlations c_0 … c_K of each state with the last, ``(K + 1,)``, where c_K = 1."""
        ratio = torch.logspace(0.0, 1.0, self.steps, base=self.least / self.most, dtype=torch.float64)
        c = (1.0 + (self.most * ratio).square()).rsqrt()
        return torch.cat([c, torch.ones(1, dtype=torch.float64)])

    @property
    def decays(self) -> Tensor:
        """Decays a_0 … a_{K-1} of the steps, ``(K,)``."""
        c = self.correlations
        return c[:-1] / c[1:]

    @property
    def log_noise(self) -> Tensor:
        """Log noise to signal ratios of states 0 … K - 1, ``(K,)``."""
        return self.correlations[:-1].acos().tan().log()

    def back_from(self, end: Tensor, noise: Tensor) -> Tensor:
        """Return trajectories with given last states, ``(K + 1, N, dim)``.

        The process is reversible, so they are drawn by the same steps backwards.

        Arguments:
            end: Last states, ``(N, dim)``.
            noise: Standard normal noise of the steps, ``(K, N, dim)``.
        """
        states = [end]
        for decay, step in zip(self.decays.flip(0).tolist(), noise, strict=True):
            states.append(decay * states[-1] + (1.0 - decay**2) ** 0.5 * step)
        return torch.stack(states[::-1])

    def innovations(self, states: Tensor) -> Tensor:
        """Return the noise e of each step, ``(K, N, dim)``, in trajectories ``(K + 1, N, dim)``."""
        a = self.decays.to(states)[:, None, None]
        return (states[1:] - a * states[:-1]) / (1.0 - a.square()).sqrt()
