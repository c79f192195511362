"""Trajectory balance with the variance-reduced estimate of log Z (VarGrad).

For a trajectory tau that ends in z, a policy p and the reference process q, let

    delta = log p(tau) - log q(tau) + log Z(x) - log r(f(z), x).

If delta is zero for all trajectories, the ends of the policy have the density N(z; 0, I) r(f(z), x) / Z(x),
which is the posterior in noise space. The square of delta may be averaged over trajectories from any source,
and log Z(x) is estimated as the mean of the other terms over several trajectories of one x.
Sources: Venkatraman et al., arXiv 2502.06999; Richter et al.: VarGrad, NeurIPS 2020; Malkin et al.:
Trajectory balance, NeurIPS 2022.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Balance", "log_partition", "trajectory_balance"]

FLOOR = 30.0  # Distance below the best reward of the same x at which rewards are cut off, in nats.
TOLERATED = 0.1  # Value of delta² up to which the loss is zero.


class Balance(NamedTuple):
    """The result of :func:`trajectory_balance`.

    Attributes:
        loss: Scalar to minimise.
        delta: Imbalance of each trajectory, ``(X, M)``, in nats.
        log_z: Estimate of log Z for each x, ``(X,)``, in nats, without gradients.
    """

    loss: Tensor
    delta: Tensor
    log_z: Tensor


def trajectory_balance(log_ratio: Tensor, log_reward: Tensor) -> Balance:
    """Compute the loss of M trajectories for each of X observations.

    The loss is relu(delta² - 0.1) / 2 for delta in [-1, 1] and linear beyond. Rewards are cut off
    :data:`FLOOR` nats below the best of the same x: the exact value of a tiny reward does not matter, since
    such ends are never drawn, but one of them would dominate the loss.

    Arguments:
        log_ratio: Log density ratios log p(tau) - log q(tau), ``(X, M)``, with gradients.
        log_reward: Log rewards at the ends of the trajectories, ``(X, M)``.
    """
    best = log_reward.max(dim=1, keepdim=True).values
    gap = torch.maximum(log_reward, best - FLOOR) - log_ratio
    log_z = gap.detach().mean(dim=1)
    delta = log_z[:, None] - gap
    loss = 0.5 * (delta.square() - TOLERATED).relu()
    size = delta.abs()
    return Balance(torch.where(size < 1.0, loss, size - 0.5 - 0.5 * TOLERATED).mean(), delta, log_z)


def log_partition(log_ratio: Tensor, log_reward: Tensor) -> Tensor:
    """Return estimates of log Z ``(X,)``, in nats, by importance weights of the policy's own trajectories.

    Arguments:
        log_ratio: Log density ratios log p(tau) - log q(tau), ``(X, M)``.
        log_reward: Log rewards at the ends of the trajectories, ``(X, M)``.
    """
    return (log_reward - log_ratio).logsumexp(dim=1) - math.log(log_ratio.shape[1])
