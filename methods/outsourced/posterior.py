"""Samples of a trained policy, weighed by the reward."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from methods.contract.base import Posterior
from methods.contract.counting import Evaluations
from methods.outsourced.policy import Policy
from methods.outsourced.policy_training import LogReward
from methods.outsourced.resampling import resampled
from methods.transforms.encoding import Encoding
from methods.transforms.noise_map import NoiseMap

__all__ = ["OutsourcedPosterior"]

BATCH = 8192  # trajectories at once


class OutsourcedPosterior(Posterior):
    """Samples are where the policy's trajectories end, as the prior makes parameters of them.

    A trajectory's density is known, and with it the weight r q / p that turns ends of the policy p into ends
    of the reference process q times the reward r: the posterior (in :mod:`.trajectory_balance`'s terms,
    exp(log Z - delta)). Of several candidates for each sample those are drawn that the weights ask for.

    Arguments:
        policy: The trained process.
        noise: The prior as a function of noise.
        encode_x: What the policy sees of x.
        dim_theta: Width of the noise.
        device: Where the policy is.
        log_reward: Weighs the candidates; called once for each. None where there is one.
        candidates: Trajectories for each sample.
        reward_parameters: Trained parameters of the reward.
    """

    def __init__(
        self,
        policy: Policy,
        noise: NoiseMap,
        encode_x: Encoding,
        dim_theta: int,
        device: torch.device,
        log_reward: LogReward | None = None,
        candidates: int = 1,
        reward_parameters: int = 0,
    ) -> None:
        self.policy, self.noise, self.encode_x = policy, noise, encode_x
        self.dim_theta, self.device = dim_theta, device
        self._evaluations = Evaluations()
        self._evaluations.watch(policy.network)
        self._evaluations.watch(policy.log_spread)
        self.log_reward = None if log_reward is None else self._evaluations.of(log_reward, event_dims=0)
        self.candidates, self._reward_parameters = candidates, reward_parameters
        self.num_parameters = sum(p.numel() for p in policy.parameters()) + reward_parameters
        self.nfe = float("nan")

    def unweighed(self) -> OutsourcedPosterior:
        """The policy alone: one candidate, and no reward is evaluated."""
        alone = copy.copy(self)  # of one policy, with one count of its evaluations
        alone.log_reward, alone.candidates = None, 1
        alone.num_parameters -= self._reward_parameters
        alone._reward_parameters = 0
        return alone

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw for one x ``(1, dim_x)``, ``(n, dim_theta)``."""
        return self.sample_batched(sample_shape, x)[:, 0]

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw n samples for each row of x ``(B, dim_x)``, ``(n, B, dim_theta)``."""
        (n,) = sample_shape
        theta, self.nfe = self._evaluations.per_sample(lambda: self._drawn(n, x))
        return theta

    @torch.no_grad()
    def _drawn(self, n: int, x: Tensor) -> Tensor:
        num_x = len(x)
        x = x.to(self.device)
        c = self.encode_x(x)
        ends, log_weights = [], []
        for rows in torch.arange(n * self.candidates * num_x, device=self.device).split(BATCH):
            which = rows % num_x
            start = torch.randn(len(rows), self.dim_theta, device=self.device)
            noise = torch.randn(self.policy.process.steps, len(rows), self.dim_theta, device=self.device)
            states, log_ratio = self.policy.trajectories(start, c[which], noise)
            ends.append(states[-1])
            if self.log_reward is not None:
                log_weights.append(self.log_reward(states[-1], x[which]) - log_ratio)
        z = torch.cat(ends).unflatten(0, (-1, num_x))
        if log_weights:
            chosen = resampled(torch.cat(log_weights).unflatten(0, (-1, num_x)), n)
            z = z.gather(0, chosen[..., None].expand(-1, -1, self.dim_theta))
        return self.noise.theta(z.flatten(0, 1)).unflatten(0, (n, num_x))
