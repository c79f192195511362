"""Draws by weight: which of many weighted values stand for the distribution that the weights make of them."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["resampled"]


def resampled(log_weights: Tensor, n: int) -> Tensor:
    """Indices of n values out of M by systematic resampling, each column by itself, ``(n, B)``.

    A value of weight w among a sum of W is drawn floor(n w / W) times or once more. Sources: Kitagawa, Monte
    Carlo filter and smoother, 1996; Rubin, sampling importance resampling, 1988. The order is random.

    Arguments:
        log_weights: Finite, ``(M, B)``; constants of a column do not matter.
        n: Values wanted.

    Example:
        >>> counts = resampled(torch.tensor([[0.25], [0.75]]).log(), 100).flatten().bincount()
        >>> counts.tolist()
        [25, 75]
    """
    cumulative = log_weights.double().softmax(0).cumsum(0).T.contiguous()
    offset = torch.rand(len(cumulative), 1, dtype=torch.float64, device=cumulative.device)
    marks = (torch.arange(n, device=cumulative.device) + offset) / n
    found = torch.searchsorted(cumulative, marks).clamp(max=len(log_weights) - 1)
    return found.T[torch.randperm(n, device=found.device)]
