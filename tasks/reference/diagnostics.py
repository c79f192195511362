"""Convergence of Markov chains: rank-normalised R-hat and bulk effective sample size.

Reference: Vehtari, Gelman, Simpson, Carpenter, Bürkner, Rank-normalization, folding, and localization: an
improved R-hat, Bayesian Analysis 16 (2021). Split R-hat and the effective sample size of normal scores are
pyro's, which follows Stan.
"""

from __future__ import annotations

import torch
from scipy.stats import rankdata
from torch import Tensor

__all__ = ["bulk_ess", "rank_rhat"]


def _normal_scores(draws: Tensor) -> Tensor:
    """Normal scores of the ranks over all chains and steps, by parameter (Vehtari et al., equation 14)."""
    flat = draws.flatten(0, 1)
    ranks = torch.from_numpy(rankdata(flat.numpy(), axis=0))
    return torch.special.ndtri((ranks - 0.375) / (len(flat) + 0.25)).reshape(draws.shape)


def _halves(draws: Tensor) -> Tensor:
    half = draws.shape[1] // 2
    return torch.cat([draws[:, :half], draws[:, -half:]])


def rank_rhat(draws: Tensor) -> Tensor:
    """The larger of split R-hat for the location and, folded about the median, for the scale.

    Arguments:
        draws: ``(chains, steps, D)``, at least four steps.

    Returns:
        ``(D,)``; near 1 where the chains agree.
    """
    from pyro.ops.stats import split_gelman_rubin

    draws = draws.double()
    folded = (draws - draws.flatten(0, 1).median(0).values).abs()
    return torch.maximum(*(split_gelman_rubin(_normal_scores(part)) for part in (draws, folded)))


def bulk_ess(draws: Tensor) -> Tensor:
    """Effective sample size in the bulk, ``(D,)``, from ``(chains, steps, D)``; each chain is split."""
    from pyro.ops.stats import effective_sample_size

    return effective_sample_size(_halves(_normal_scores(draws.double())))
