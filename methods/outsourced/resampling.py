"""Systematic resampling: draws from weighted values that represent their weighted distribution."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["resampled"]


def resampled(log_weights: Tensor, n: int) -> Tensor:
    """Return indices ``(n, B)`` of n values out of M, drawn by systematic resampling for each column.

    A value of weight w in a column of sum W is drawn floor(n w / W) times or once more. The order is random.
    Sources: Kitagawa: Monte Carlo filter and smoother, 1996; Rubin: sampling importance resampling, 1988.

    Arguments:
        log_weights: Log weights, finite, ``(M, B)``. A constant added to a column has no effect.
        n: Number of values to draw.

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
