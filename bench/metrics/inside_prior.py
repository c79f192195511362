"""Which samples lie where a prior has mass."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution

from methods.contract.priors import usable_prior

__all__ = ["inside_prior"]


def inside_prior(prior: Distribution, samples: Tensor) -> Tensor:
    """Which samples ``(N, dim_theta)`` are finite and where the prior has mass, ``(N,)``, bool.

    The support decides if the prior has mass on all of it, as most of torch's distributions have. Otherwise
    the log density has to be finite, too.
    """
    finite = samples.isfinite().all(dim=1)
    support = usable_prior(prior, samples.shape[1]).support
    return finite if support is None else support.check(samples.nan_to_num(0.0)) & finite
