"""Trajectory balance with the variance-reduced estimate of log Z (VarGrad).

For a trajectory tau that ends in z, a policy p and the reference process q,

    delta = log p(tau) - log q(tau) + log Z(x) - log r(f(z), x)

is zero everywhere if and only if the policy ends in the posterior, q's end times r over Z. Its square may be
averaged over trajectories from anywhere, and log Z(x) is the mean of the rest over several of one x.
Sources: arXiv 2502.06999; Richter et al., VarGrad, NeurIPS 2020; Malkin et al., Trajectory balance, 2022.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Balance", "log_partition", "trajectory_balance"]

FLOOR = 30.0  # nats below the best of its x at which a reward is cut off
TOLERATED = 0.1  # square of delta that is not learned from


class Balance(NamedTuple):
    """What a batch of trajectories says.

    Attributes:
        loss: Scalar to minimise.
        delta: ``(X, M)``.
        log_z: Log Z of each x, ``(X,)``, without gradients.
    """

    loss: Tensor
    delta: Tensor
    log_z: Tensor


def trajectory_balance(log_ratio: Tensor, log_reward: Tensor) -> Balance:
    """Balance of M trajectories for each of X observations.

    The reward is cut off :data:`FLOOR` nats below the best of its x: what is never drawn need not be told how
    unlikely it is, and one such value would drown all others. Beyond a difference of 1 the loss grows
    linearly.

    Arguments:
        log_ratio: Log density of the policy's trajectories over the reference's, ``(X, M)``, with gradients.
        log_reward: At their ends, ``(X, M)``.
    """
    best = log_reward.max(dim=1, keepdim=True).values
    gap = torch.maximum(log_reward, best - FLOOR) - log_ratio
    log_z = gap.detach().mean(dim=1)
    delta = log_z[:, None] - gap
    loss = 0.5 * (delta.square() - TOLERATED).relu()
    size = delta.abs()
    return Balance(torch.where(size < 1.0, loss, size - 0.5 - 0.5 * TOLERATED).mean(), delta, log_z)


def log_partition(log_ratio: Tensor, log_reward: Tensor) -> Tensor:
    """Log Z by importance weights of the policy's own trajectories, ``(X,)``; arguments as above."""
    return (log_reward - log_ratio).logsumexp(dim=1) - math.log(log_ratio.shape[1])
