"""Kullback-Leibler divergence between exact marginals and the samples' marginals.

The exact quantiles of a marginal divide the line into B bins of equal probability, and n_b of the N samples
are in bin b. The divergence KL(exact || samples) of the two binned distributions is then

    (1/B) sum_b log((1/B) / q_b),   q_b = (n_b + 1/2) / (N + B/2),

where the half is Jeffreys' prior, which keeps the value finite if a bin is empty (for example for a missed
mode). There is no smoothing kernel, so narrow marginals are measured as well as broad ones. N exact samples
score about B / 2N. References: Kullback and Leibler, 1951; Krichevsky and Trofimov, The performance of
universal encoding, 1981.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.metrics.metric import Draws, Metric, Score
from bench.metrics.metric_input import MetricError
from bench.metrics.registry import register_metric

__all__ = ["NUM_BINS", "MarginalKL", "levels", "marginal_kl"]

NUM_BINS = 50


def levels() -> Tensor:
    """Return the probabilities ``(NUM_BINS - 1,)`` whose quantiles :func:`marginal_kl` needs."""
    return torch.arange(1, NUM_BINS, dtype=torch.float64) / NUM_BINS


def marginal_kl(quantiles: Tensor, samples: Tensor) -> float:
    """Return the mean over dimensions of the binned KL(exact || samples), in nats.

    Arguments:
        quantiles: Quantiles of the exact marginals at the B - 1 levels 1/B … 1 - 1/B, ``(B - 1, D)``.
        samples: Samples, ``(N, D)``.

    Raises:
        MetricError: if the shapes do not match, values are not finite, or there are no samples.

    Example:
        >>> from torch.distributions import Normal
        >>> exact = Normal(0.0, 1.0).icdf(levels())[:, None]
        >>> x = torch.randn(10_000, 1, generator=torch.Generator().manual_seed(0))
        >>> marginal_kl(exact, x) < 0.01 < marginal_kl(exact, x + 0.5)
        True
    """
    if samples.dim() != 2 or quantiles.dim() != 2 or samples.shape[1] != quantiles.shape[1]:
        raise MetricError(
            f"quantiles {tuple(quantiles.shape)} and samples {tuple(samples.shape)} do not match"
        )
    if len(samples) == 0 or not bool(samples.isfinite().all()) or not bool(quantiles.isfinite().all()):
        raise MetricError("marginal_kl: needs finite quantiles and at least one finite sample")
    bins = len(quantiles) + 1
    edges = quantiles.T.contiguous().double()
    place = torch.searchsorted(edges, samples.T.contiguous().double())
    counts = torch.stack([torch.bincount(row, minlength=bins) for row in place]).double()
    share = (counts + 0.5) / (len(samples) + 0.5 * bins)
    return float(-(share * bins).log().mean())


@register_metric("marginal_kl")
class MarginalKL(Metric):
    """KL divergence of the binned marginals from exact ones, in nats; 0 is perfect, the floor is 0.0025."""

    digits = 4
    source = "Kullback and Leibler, 1951; Krichevsky and Trofimov, 1981"

    def score(self, draws: Draws) -> Score:
        """See :func:`marginal_kl`; None for a task without exact quantiles."""
        quantiles = draws.task.marginal_quantiles(draws.num_observation, levels())
        return None if quantiles is None else marginal_kl(quantiles, draws.samples)
