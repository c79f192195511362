"""The policy: the reference process with means and variances of its steps changed by networks."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from methods.learning.denoiser_network import DenoiserNetwork
from methods.outsourced.process import NoiseProcess

__all__ = ["Policy", "Trajectories"]

LOG_RANGE = (-12.0, 2.0)  # Range of log rho, the relative variance that a network predicts.


class Trajectories(NamedTuple):
    """Trajectories of a policy.

    Attributes:
        states: States from first to last, ``(K + 1, N, dim)``.
        log_ratio: Log density of each trajectory minus that under the reference process, ``(N,)``, in nats;
            see :meth:`Policy.log_ratio`.
    """

    states: Tensor
    log_ratio: Tensor


class Policy(nn.Module):
    """The process z_{k+1} = a_k z_k + s_k (u_k + v_k e), with s_k² = 1 - a_k² and e ~ N(0, I).

    Here a_k and c_k are the decays and correlations of the reference process. Its step from z_k, conditioned
    on the end z_K, is normal with mean A z_k + B z_K and variance f_k s_k², where

        B = c_{k+1} (1 - a_k²) / (1 - c_k²),    f_k = (1 - c_{k+1}²) / (1 - c_k²).

    Let the end given z_k have mean D and variance rho (1 - c_k²). Averaging over the end then gives

        s_k u_k = B (D - c_k z_k),    v_k² = f_k + (1 - f_k) rho.

    The first network predicts D through the velocity F of the trigonometric diffusion,
    D = c_k z - (1 - c_k²)^(1/2) F. The second predicts log rho. If both are zero, the policy is the reference
    process.

    Not as published: arXiv 2502.06999 keeps the variance of the reference process (v_k = 1), which makes
    posteriors a tenth too wide at 25 steps.

    Arguments:
        network: Network of F.
        log_spread: Network of log rho.
        process: The reference process.
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
        """Return a policy with untrained networks, which equals the reference process.

        Arguments:
            dim: Width of the noise.
            dim_c: Width of the encoded x.
            width: Number of units in a hidden layer; the second network has half as many.
            depth: Number of hidden layers; the second network has at most two.
            process: The reference process.
        """
        network = DenoiserNetwork(dim, dim_c, width, depth)
        return cls(network, DenoiserNetwork(dim, dim_c, max(width // 2, 1), min(depth, 2)), process)

    def log_ratio(self, states: Tensor, c: Tensor) -> Tensor:
        """Return log p(tau) - log q(tau), ``(N,)``, in nats, of policy p and reference process q.

        Both draw the first state from N(0, I), so its density cancels.

        Arguments:
            states: Trajectories tau, ``(K + 1, N, dim)``.
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
            noise: Standard normal noise of the steps, ``(K, N, dim)``.
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
        """Return the shift u and the variance v² of the step at states z."""
        rho = self.log_spread(z, level, c).clamp(*LOG_RANGE).exp()
        return gain * self.network(z, level, c), fixed + (1.0 - fixed) * rho
