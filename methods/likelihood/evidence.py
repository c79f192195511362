"""The normalising constant of an unnormalised density, by bridge sampling."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["log_evidence"]

ROUNDS = 50


def log_evidence(proposed: Tensor, drawn: Tensor) -> Tensor:
    """Return estimates of log Z ``(B,)``, Z the integral of an unnormalised density p, for B densities.

    Draws of a normalised density q and draws of p / Z are compared by the optimal bridge of Meng and Wong. It
    is the solution r of

        r = mean over draws of q of [l / (l + r)]  /  mean over draws of p of [1 / (l + r)],   l = p / q,

    for equally many draws of each. An average of p / q over draws of q alone would have a far larger variance
    where q misses a part of p.

    Source: Meng, Wong: Simulating ratios of normalizing constants via a simple identity, Statistica Sinica 6,
    1996.

    Arguments:
        proposed: log p - log q at draws of q, ``(n, B)``.
        drawn: log p - log q at draws of p / Z, ``(n, B)``.
    """
    estimate = proposed.double().median(dim=0).values
    for _ in range(ROUNDS):
        over_q = -torch.nn.functional.softplus(estimate - proposed.double())
        over_p = -torch.logaddexp(drawn.double(), estimate.expand_as(drawn))
        estimate = torch.logsumexp(over_q, dim=0) - torch.logsumexp(over_p, dim=0)
        estimate = estimate + math.log(len(drawn)) - math.log(len(proposed))
    return estimate
