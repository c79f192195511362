"""Which samples lie in the support of a prior."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution

__all__ = ["inside_prior"]


def inside_prior(prior: Distribution, samples: Tensor) -> Tensor:
    """Which samples ``(N, dim_theta)`` are finite and in the prior's support, ``(N,)``, bool."""
    finite = samples.isfinite().all(dim=1)
    support = prior.support
    return finite if support is None else support.check(samples.nan_to_num(0.0)) & finite
