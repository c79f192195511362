"""The trained process: the steps of the reference with a mean that a network shifts."""

from __future__ import annotations

import torch
from torch import Tensor

from methods.denoiser import DenoiserNetwork
from methods.outsourced.process import NoiseProcess

__all__ = ["Policy"]


class Policy:
    """z_{k+1} = a_k z_k + s_k (u_k + normal), s_k² = 1 - a_k².

    The network gives the velocity F of the trigonometric diffusion, and with it the mean of the end given
    z_k, which is D = c_k z - (1 - c_k²)^(1/2) F. The reference process, pinned to an end z_K, moves its next
    mean by s_k u_k = B_k (D - c_k z) with B_k = c_{k+1} (1 - a_k²) / (1 - c_k²). Where F = 0 the policy is
    the reference process.

    Arguments:
        network: F.
        process: The reference.
    """

    def __init__(self, network: DenoiserNetwork, process: NoiseProcess) -> None:
        self.network, self.process = network, process
        c, a = process.correlations, process.decays
        pull = c[1:] * (1.0 - a.square()) / (1.0 - c[:-1].square())
        self._gain = -pull * ((1.0 - c[:-1].square()) / (1.0 - a.square())).sqrt()

    def shifts(self, states: Tensor, c: Tensor) -> Tensor:
        """All steps' u at states 0 … K - 1, both ``(K, N, dim)``, given encoded x ``(N, dim_c)``."""
        level = self.process.log_noise.to(states)[:, None, None].expand(-1, states.shape[1], 1)
        velocity = self.network(states, level, c.expand(len(states), -1, -1))
        return self._gain.to(states)[:, None, None] * velocity

    @torch.no_grad()
    def trajectories(self, start: Tensor, c: Tensor, noise: Tensor) -> Tensor:
        """Run the policy, ``(K + 1, N, dim)``.

        Arguments:
            start: First states, standard normal, ``(N, dim)``.
            c: Encoded x, ``(1 or N, dim_c)``.
            noise: Standard normal, ``(K, N, dim)``.
        """
        states = [start]
        steps = zip(
            self.process.decays.tolist(),
            self._gain.tolist(),
            self.process.log_noise.tolist(),
            noise,
            strict=True,
        )
        for decay, gain, level, step in steps:
            shift = gain * self.network(states[-1], start.new_full((1, 1), level), c)
            states.append(decay * states[-1] + (1.0 - decay**2) ** 0.5 * (shift + step))
        return torch.stack(states)
