"""Training of a policy: first imitation of the simulations' own trajectories, then trajectory balance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from methods.contract.seeding import derive_seed
from methods.learning.denoising import HeldOut, learn, split
from methods.learning.training import train
from methods.outsourced.policy import Policy
from methods.outsourced.trajectory_balance import trajectory_balance

__all__ = ["LogReward", "Mixture", "balance", "imitate"]

# Function of noise (N, dim) and data x (N, dim_x) that returns log rewards (N,), row by row. They are finite.
LogReward = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Mixture:
    """The number of trajectories per observation of a batch, by their source.

    Arguments:
        free: Number that run backwards from the parameters that the observation was simulated from. These
            are a draw of its posterior and cost nothing.
        replayed: Number that run backwards from an end that the policy reached earlier.
        prior: Number drawn from the reference process.
        own: Number drawn from the policy.
    """

    free: int = 1
    replayed: int = 1
    prior: int = 2
    own: int = 4

    @property
    def total(self) -> int:
        """Number of trajectories per observation."""
        return self.free + self.replayed + self.prior + self.own


def imitate(
    policy: Policy, z: Tensor, c: Tensor, *, steps: int, batch_size: int, rate: float, seed: int
) -> None:
    """Train a policy to imitate trajectories that end in the noise of the simulations' parameters.

    These are trajectories of the posterior for any reward, and they cost nothing. The means are trained by
    denoising score matching, with a tenth of the simulations held out. The variances are then trained by
    maximum likelihood of trajectories to the held-out simulations.

    Arguments:
        policy: Policy to train, in place.
        z: Noise of the simulations' parameters, ``(N, dim)``.
        c: Encoded x of the simulations, ``(N, dim_c)``.
        steps: Maximum number of optimiser steps.
        batch_size: Number of simulations per step.
        rate: Peak learning rate.
        seed: Seed for batches and noise.
    """
    held, rest = (rows.to(z.device) for rows in split(len(z), seed))
    held_out = HeldOut(z[held], c[held], seed)
    options = {"steps": steps, "batch_size": batch_size, "seed": seed}
    learn(policy.network, z[rest], c[rest], held_out, learning_rate=rate, **options)
    generator = torch.Generator(device=z.device).manual_seed(derive_seed("noise of the variances", seed))
    dims = (policy.process.steps, z.shape[1])

    def unlikelihood(z: Tensor, c: Tensor) -> Tensor:
        noise = torch.randn(dims[0], len(z), dims[1], generator=generator, device=z.device)
        return -policy.log_ratio(policy.process.back_from(z, noise), c).mean()

    policy.network.requires_grad_(False)
    sizes = (max(steps // 8, 1), max(batch_size // 8, 1))
    train(
        policy.log_spread,
        unlikelihood,
        (z[held], c[held]),
        steps=sizes[0],
        batch_size=sizes[1],
        learning_rate=rate / 4,
        seed=derive_seed("variances", seed),
    )
    policy.network.requires_grad_(True)


def balance(
    policy: Policy,
    log_reward: LogReward,
    simulations: tuple[Tensor, Tensor, Tensor],
    mixture: Mixture,
    *,
    steps: int,
    batch_size: int,
    rate: float,
    seed: int,
) -> None:
    """Train a policy by trajectory balance, on several trajectories per observation of a batch.

    Arguments:
        policy: Policy to train, in place.
        log_reward: Log ratio of posterior to prior up to a constant that depends on x alone; finite.
        simulations: Noise of the parameters ``(N, dim)``, encoded x ``(N, dim_c)``, and x ``(N, dim_x)``.
        mixture: Sources of the trajectories.
        steps: Number of optimiser steps.
        batch_size: Number of observations per step.
        rate: Peak learning rate.
        seed: Seed for batches and noise.
    """
    z, c, x = simulations
    generator = torch.Generator(device=z.device).manual_seed(derive_seed("trajectories", seed))
    reached = z.clone()  # The replay buffer holds one end per observation.

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, device=z.device)

    def loss(rows: Tensor) -> Tensor:
        states, condition = _mixed(policy, z[rows], c[rows], reached[rows], mixture, noise)
        ends, num = states[-1], len(rows)
        rewards = log_reward(ends, x[rows].repeat_interleave(mixture.total, 0)).unflatten(0, (num, -1))
        own = slice(mixture.total - mixture.own, None)
        chosen = torch.multinomial(rewards[:, own].softmax(1), 1, generator=generator)
        reached[rows] = ends.unflatten(0, (num, -1))[:, own][torch.arange(num, device=z.device), chosen[:, 0]]
        return trajectory_balance(policy.log_ratio(states, condition).unflatten(0, (num, -1)), rewards).loss

    every = torch.arange(len(z), device=z.device)
    train(policy, loss, (every,), steps=steps, batch_size=batch_size, learning_rate=rate, seed=seed)


def _mixed(
    policy: Policy, z: Tensor, c: Tensor, reached: Tensor, mixture: Mixture, noise: Callable[..., Tensor]
) -> tuple[Tensor, Tensor]:
    """Return trajectories ``(K + 1, X * M, dim)`` and their conditions ``(X * M, dim_c)``.

    The M trajectories of each of the X observations are adjacent.
    """
    num, dim = z.shape
    steps = policy.process.steps
    back = torch.cat(
        [
            z[:, None].expand(-1, mixture.free, -1),
            reached[:, None].expand(-1, mixture.replayed, -1),
            noise(num, mixture.prior, dim),
        ],
        dim=1,
    )
    off_policy = policy.process.back_from(back.flatten(0, 1), noise(steps, num * back.shape[1], dim))
    own = policy.trajectories(
        noise(num * mixture.own, dim),
        c.repeat_interleave(mixture.own, 0),
        noise(steps, num * mixture.own, dim),
    ).states
    states = torch.cat([part.unflatten(1, (num, -1)) for part in (off_policy, own)], dim=2).flatten(1, 2)
    return states, c.repeat_interleave(mixture.total, 0)
