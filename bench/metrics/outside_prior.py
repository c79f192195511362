"""Leakage: the fraction of samples where the prior has no mass."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

__all__ = ["inside_prior", "outside_prior"]


def inside_prior(prior: Distribution, samples: Tensor) -> Tensor:
    """Return which samples ``(N, dim_theta)`` are finite and in the prior's support: bool, ``(N,)``."""
    finite = samples.isfinite().all(dim=1)
    support = prior.support
    return finite if support is None else support.check(samples.nan_to_num(0.0)) & finite


def outside_prior(prior: Distribution, samples: Tensor) -> float:
    """Return the fraction of samples ``(N, dim_theta)`` that are not finite or outside the prior's support.

    Example:
        >>> from torch.distributions import Independent, Uniform
        >>> unit = Independent(Uniform(torch.zeros(1), torch.ones(1)), 1)
        >>> outside_prior(unit, torch.tensor([[0.5], [1.5]]))
        0.5
    """
    return float(1.0 - inside_prior(prior, samples).to(torch.float64).mean())
