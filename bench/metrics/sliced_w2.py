"""Sliced 2-Wasserstein distance.

It is the root mean square, over random directions, of the 2-Wasserstein distance between projections of
reference and samples. In one dimension, this distance is that of the sorted values. Reference: Bonneel et
al., Sliced and Radon Wasserstein barycenters of measures, JMIV 2015.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.metrics.metric import Draws, Metric, Score
from bench.metrics.metric_input import check_pair
from bench.metrics.registry import register_metric

__all__ = ["SlicedW2", "sliced_w2"]


def sliced_w2(reference: Tensor, samples: Tensor, *, num_directions: int = 200, seed: int = 1) -> float:
    """Return the sliced W2, in units of the reference's standard deviation in each dimension.

    Arguments:
        reference: Reference draws, ``(N, D)``; they set the scale.
        samples: Samples, ``(M, D)``. If M differs from N, min(M, N) quantiles are compared.
        num_directions: Number of random directions.
        seed: Seed of the directions.

    Raises:
        MetricError: if values are not finite, dimensions differ, or rows are too few.

    Example:
        >>> x = torch.randn(500, 1, generator=torch.Generator().manual_seed(0))
        >>> abs(sliced_w2(x, x + 2.0 * x.std()) - 2.0) < 1e-5
        True
    """
    reference, samples = check_pair(reference, samples)
    mean, std = reference.double().mean(0), reference.double().std(0)
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(reference.shape[1], num_directions, generator=generator, dtype=torch.float64)
    directions = (directions / directions.norm(dim=0)).to(mean)
    size = min(len(reference), len(samples))
    quantiles = [_quantiles(((part - mean) / std) @ directions, size) for part in (reference, samples)]
    return float((quantiles[0] - quantiles[1]).square().mean().sqrt())


def _quantiles(values: Tensor, size: int) -> Tensor:
    ordered = values.sort(dim=0).values
    if len(ordered) == size:
        return ordered
    # Quantiles at the midpoints of `size` equal parts, by linear interpolation in the larger sample.
    position = ((torch.arange(size, dtype=torch.float64) + 0.5) / size * len(ordered) - 0.5).to(values.device)
    position = position.clamp(0, len(ordered) - 1)
    low = position.floor().long()
    high = (low + 1).clamp_max(len(ordered) - 1)
    weight = (position - low)[:, None]
    return ordered[low] * (1 - weight) + ordered[high] * weight


@register_metric("sliced_w2")
class SlicedW2(Metric):
    """Sliced 2-Wasserstein distance in units of the reference's standard deviations; 0 is perfect."""

    needs = ("reference",)
    optional = False
    source = "Bonneel et al., Sliced and Radon Wasserstein barycenters of measures, JMIV 2015"

    def score(self, draws: Draws) -> Score:
        """See :func:`sliced_w2`."""
        return sliced_w2(*draws.pair)
