"""Leakage: the fraction of samples where the prior has no mass."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.metrics.inside_prior import inside_prior
from bench.metrics.metric import Draws, Metric, Score
from bench.metrics.registry import register_metric

__all__ = ["OutsidePrior", "outside_prior"]


def outside_prior(prior: Distribution, samples: Tensor) -> float:
    """Return the fraction of samples ``(N, dim_theta)`` that are not finite or outside the prior's support.

    Example:
        >>> from torch.distributions import Independent, Uniform
        >>> unit = Independent(Uniform(torch.zeros(1), torch.ones(1)), 1)
        >>> outside_prior(unit, torch.tensor([[0.5], [1.5]]))
        0.5
    """
    return float(1.0 - inside_prior(prior, samples).to(torch.float64).mean())


@register_metric("outside_prior")
class OutsidePrior(Metric):
    """Fraction of samples outside the prior's support."""

    optional = False

    def score(self, draws: Draws) -> Score:
        """See :func:`outside_prior`."""
        return outside_prior(draws.task.prior(), draws.samples)
