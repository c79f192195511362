"""Convergence diagnostics for Markov chains: rank-normalised R-hat, effective sample sizes, autocorrelation.

Reference: Vehtari, Gelman, Simpson, Carpenter, Bürkner, Rank-normalization, folding, and localization: an
improved R-hat, Bayesian Analysis 16 (2021). Split R-hat and effective sample sizes are computed by pyro,
which follows Stan.
"""

from __future__ import annotations

import torch
from scipy.stats import rankdata
from torch import Tensor

__all__ = ["bulk_ess", "lag_one", "rank_rhat", "tail_ess"]


def _normal_scores(draws: Tensor) -> Tensor:
    """Normal scores of each parameter's ranks over all chains and steps (Vehtari et al., equation 14)."""
    flat = draws.flatten(0, 1)
    ranks = torch.from_numpy(rankdata(flat.numpy(), axis=0))
    return torch.special.ndtri((ranks - 0.375) / (len(flat) + 0.25)).reshape(draws.shape)


def _halves(draws: Tensor) -> Tensor:
    half = draws.shape[1] // 2
    return torch.cat([draws[:, :half], draws[:, -half:]])


def rank_rhat(draws: Tensor) -> Tensor:
    """Rank-normalised split R-hat: the larger of its values for the location and for the scale.

    The value for the scale is that of the draws' absolute distances from the median.

    Arguments:
        draws: Chains, ``(chains, steps, D)``, with at least four steps.

    Returns:
        R-hat, ``(D,)``; it is near 1 if the chains agree.
    """
    from pyro.ops.stats import split_gelman_rubin

    draws = draws.double()
    folded = (draws - draws.flatten(0, 1).median(0).values).abs()
    return torch.maximum(*(split_gelman_rubin(_normal_scores(part)) for part in (draws, folded)))


def bulk_ess(draws: Tensor) -> Tensor:
    """Effective sample size in the bulk, ``(D,)``, of chains ``(chains, steps, D)``; each chain is halved."""
    from pyro.ops.stats import effective_sample_size

    return effective_sample_size(_halves(_normal_scores(draws.double())))


def tail_ess(draws: Tensor) -> Tensor:
    """Effective sample size in the tails, ``(D,)``, of chains ``(chains, steps, D)``.

    It is the smaller of the effective sample sizes of the indicators of the 5 % and the 95 % quantile.
    """
    from pyro.ops.stats import effective_sample_size

    levels = torch.tensor([0.05, 0.95], dtype=draws.dtype)
    low, high = torch.quantile(draws.flatten(0, 1), levels, dim=0)
    below = ((draws <= edge).double() for edge in (low, high))
    return torch.minimum(*(effective_sample_size(_halves(part)) for part in below))


def lag_one(draws: Tensor) -> Tensor:
    """Absolute lag-1 autocorrelation, pooled over chains, ``(D,)``, of chains ``(chains, steps, D)``."""
    centred = draws - draws.mean((0, 1))
    return ((centred[:, 1:] * centred[:, :-1]).mean((0, 1)) / centred.square().mean((0, 1))).abs()
