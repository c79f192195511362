"""Squared maximum mean discrepancy with a Gaussian kernel.

MMD² = E k(r, r') + E k(s, s') - 2 E k(r, s). The estimate is unbiased, because pairs of a sample with itself
are left out, so it can be slightly negative. The kernel is exp(-d² / (2 h²)), where h is the median distance
within the reference, or that of its unequal pairs if most pairs are equal.

Reference: Gretton et al., A kernel two-sample test, JMLR 2012; settings of sbibm.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.metrics.metric import Draws, Metric, Score
from bench.metrics.metric_input import MetricError, check_pair, in_range
from bench.metrics.registry import register_metric

__all__ = ["MMD2", "mmd2"]

FINEST = 1e-15  # Median distance, as a share of the range, below which float64 is used.
ROWS = 1000  # rows of the kernel matrix that are in memory at once


def mmd2(reference: Tensor, samples: Tensor) -> float:
    """Return the unbiased estimate of MMD² between reference and samples, which are not standardised.

    The value does not depend on a common unit of all columns. A column in a much smaller unit than another
    has no influence.

    Arguments:
        reference: Reference draws, ``(N, D)``.
        samples: Samples, ``(M, D)``.

    Raises:
        MetricError: if values are not finite, dimensions differ, rows are too few, or most distances are
            below 1e-120 of the range.

    Example:
        >>> x = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
        >>> mmd2(x[:100], x[100:] + 5.0) > 0.5
        True
    """
    reference, samples = in_range(*check_pair(reference, samples), each_column=False)
    n, m = len(reference), len(samples)
    distances = torch.pdist(reference)
    median = float(distances.median())
    if median < FINEST:  # Squares of such distances have no place in float32.
        reference, samples = reference.double(), samples.double()
        distances = torch.pdist(reference)
        median = float(distances.median())
    if median == 0.0:  # More than half of the pairs are equal, as for a parameter of few whole numbers.
        median = float(distances[distances > 0.0].median())
    if median < FINEST**8:
        raise MetricError(
            f"reference: its median distance is {median:.0e} of its range, too little to square"
        )
    factor = -0.5 / median**2
    within = _kernel_sum(distances, factor) / (n * (n - 1) / 2)
    within += _kernel_sum(torch.pdist(samples), factor) / (m * (m - 1) / 2)
    # Distances are computed from differences, because the faster matrix product loses their last digits.
    mode = "donot_use_mm_for_euclid_dist"
    between = sum(
        _kernel_sum(torch.cdist(rows, samples, compute_mode=mode), factor) for rows in reference.split(ROWS)
    )
    return within - 2.0 * between / (n * m)


def _kernel_sum(distances: Tensor, factor: float) -> float:
    """Return the sum of exp(factor · d²), computed in place: the distances are overwritten."""
    return float(distances.square_().mul_(factor).exp_().sum(dtype=torch.float64))


@register_metric("mmd2")
class MMD2(Metric):
    """Unbiased squared maximum mean discrepancy, Gaussian kernel, median heuristic; 0 is perfect."""

    digits = 4
    needs = ("reference",)
    optional = False
    source = "Gretton et al., A kernel two-sample test, JMLR 2012"

    def score(self, draws: Draws) -> Score:
        """See :func:`mmd2`."""
        return mmd2(*draws.pair)
