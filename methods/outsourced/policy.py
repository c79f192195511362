"""The trained process: the steps of the reference, with mean and variance that networks change."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from methods.learning.denoiser_network import DenoiserNetwork
from methods.outsourced.process import NoiseProcess

__all__ = ["Policy", "Trajectories"]

LOG_RANGE = (-12.0, 2.0)  # of the relative variance that a network may ask for


class Trajectories(NamedTuple):
    """Runs of a policy.

    Attributes:
        states: ``(K + 1, N, dim)``.
        log_ratio: Log density of each over the reference's, ``(N,)``, as :meth:`Policy.log_ratio` has it.
    """

    states: Tensor
    log_ratio: Tensor


class Policy(nn.Module):
    """z_{k+1} = a_k z_k + s_k (u_k + v_k normal), s_k² = 1 - a_k².

    A process that is pinned to an end z_K steps to a normal with mean A z_k + B z_K and variance f_k s_k²,
    where B = c_{k+1} (1 - a_k²) / (1 - c_k²) and f_k = (1 - c_{k+1}²) / (1 - c_k²). So, of an end with mean D
    and variance rho (1 - c_k²) given z_k, s_k u_k = B (D - c_k z_k) and v_k² = f_k + (1 - f_k) rho. The first
    network gives D as the velocity F of the trigonometric diffusion, D = c_k z - (1 - c_k²)^(1/2) F, the
    second the logarithm of rho. Where both give zero the policy is the reference process.

    The publication leaves the variance as the reference has it, which at 25 steps makes posteriors a tenth
    too wide.

    Arguments:
        network: F.
        log_spread: Logarithm of rho.
        process: The reference.
    """

    network: DenoiserNetwork
    log_spread: DenoiserNetwork

    def __init__(self, network: DenoiserNetwork, log_spread: DenoiserNetwork, process: NoiseProcess) -> None:
        super().__init__()
        self.network, self.log_spread, self.process = network, log_spread, process
        c, a = process.correlations, process.decays
        left, right = 1.0 - c[:-1].square(), 1.0 - c[1:].square()
        self._gain = -c[1:] * ((1.0 - a.square()) / left).sqrt()
        self._fixed = right / left

    @classmethod
    def untrained(cls, dim: int, dim_c: int, width: int, depth: int, process: NoiseProcess) -> Policy:
        """The reference process, with networks that can be trained away from it.

        Arguments:
            dim: Width of the noise.
            dim_c: Width of the encoded x.
            width: Units of a hidden layer; half as many in the second network.
            depth: Hidden layers; two in the second network.
            process: The reference.
        """
        network = DenoiserNetwork(dim, dim_c, width, depth)
        return cls(network, DenoiserNetwork(dim, dim_c, max(width // 2, 1), min(depth, 2)), process)

    def log_ratio(self, states: Tensor, c: Tensor) -> Tensor:
        """Log density of trajectories ``(K + 1, N, dim)`` over the reference's, ``(N,)``.

        That of the first state, which both draw from N(0, I), cancels.

        Arguments:
            states: Of each trajectory.
            c: Encoded x, ``(N, dim_c)``.
        """
        steps = self.process.innovations(states)
        level = self.process.log_noise.to(states)[:, None, None].expand(-1, states.shape[1], 1)
        c = c.expand(len(steps), -1, -1)
        gain, fixed = (part.to(states)[:, None, None] for part in (self._gain, self._fixed))
        shift, variance = self._step(states[:-1], level, c, gain, fixed)
        return 0.5 * (steps.square() - (steps - shift).square() / variance - variance.log()).sum((0, -1))

    @torch.no_grad()
    def trajectories(self, start: Tensor, c: Tensor, noise: Tensor) -> Trajectories:
        """Run the policy.

        Arguments:
            start: First states, standard normal, ``(N, dim)``.
            c: Encoded x, ``(1 or N, dim_c)``.
            noise: Standard normal, ``(K, N, dim)``.
        """
        states, log_ratio = [start], start.new_zeros(len(start))
        levels = self.process.log_noise.to(start)[:, None, None]
        numbers = zip(self._gain.tolist(), self._fixed.tolist(), self.process.decays.tolist(), strict=True)
        for (gain, fixed, decay), level, step in zip(numbers, levels, noise, strict=True):
            shift, variance = self._step(states[-1], level, c, gain, fixed)
            moved = shift + variance.sqrt() * step
            states.append(decay * states[-1] + (1.0 - decay**2) ** 0.5 * moved)
            log_ratio += 0.5 * (moved.square() - step.square() - variance.log()).sum(-1)
        return Trajectories(torch.stack(states), log_ratio)

    def _step(
        self, z: Tensor, level: Tensor, c: Tensor, gain: Tensor | float, fixed: Tensor | float
    ) -> tuple[Tensor, Tensor]:
        """Shift u and variance v² at states z."""
        rho = self.log_spread(z, level, c).clamp(*LOG_RANGE).exp()
        return gain * self.network(z, level, c), fixed + (1.0 - fixed) * rho
