"""Samples of a trained policy, weighted by the reward."""

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

BATCH = 8192  # Number of trajectories run at once.


class OutsourcedPosterior(Posterior):
    """A posterior whose samples are the ends of policy trajectories, mapped from noise to parameters.

    The density of a trajectory is known, and so is its importance weight r q / p for policy p, reference
    process q and reward r. With these weights the ends of the policy represent the posterior. In the notation
    of :mod:`.trajectory_balance` the weight is exp(log Z - delta). Several candidates are run per sample, and
    samples are drawn from all candidates of an observation by their weights.

    Arguments:
        policy: The trained policy.
        noise: Map between noise and parameters of the prior.
        encode_x: Encoding of x.
        dim_theta: Width of the noise.
        device: Device of the policy.
        log_reward: Log reward that weights the candidates, called once per candidate; None for no weights.
        candidates: Number of trajectories per sample.
        reward_parameters: Number of trained parameters of the reward.
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
        """Return a copy that samples from the policy alone: one candidate, and no reward is evaluated."""
        alone = copy.copy(self)  # The copy shares the policy and the counter of its evaluations.
        alone.log_reward, alone.candidates = None, 1
        alone.num_parameters -= self._reward_parameters
        alone._reward_parameters = 0
        return alone

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, dim_theta)`` samples for one observation x ``(1, dim_x)``."""
        return self.sample_batched(sample_shape, x)[:, 0]

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, B, dim_theta)`` samples for B observations x ``(B, dim_x)``."""
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
