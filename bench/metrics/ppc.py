"""Posterior predictive check: the distance of data simulated at posterior samples from the observation.

The check is the median Euclidean distance in the units of the data, as in sbibm (``median_distance``). It
needs no reference posterior. However, a narrow posterior at a wrong place, along a ridge of parameters that
give the same data, scores as well as the right posterior.
"""

from __future__ import annotations

from torch import Tensor

from bench.metrics.inside_prior import inside_prior
from bench.metrics.metric import Draws, Metric, Score
from bench.metrics.metric_input import MetricError
from bench.metrics.registry import register_metric

__all__ = ["PPC", "ppc"]


def ppc(predictive: Tensor, x_o: Tensor) -> float:
    """Return the median distance of simulations from the observation; failed simulations are left out.

    Arguments:
        predictive: Data simulated at posterior samples, ``(N, dim_x)``; rows that are not finite have failed.
        x_o: Observation, ``(1, dim_x)``.

    Raises:
        MetricError: if the shapes do not match or no simulation is finite.

    Example:
        >>> import torch
        >>> ppc(torch.tensor([[1.0], [2.0], [4.0]]), torch.zeros(1, 1))
        2.0
    """
    if predictive.dim() != 2 or predictive.shape[1:] != x_o.shape[1:]:
        raise MetricError(
            f"predictive has shape {tuple(predictive.shape)}, the observation {tuple(x_o.shape)}"
        )
    good = predictive[predictive.isfinite().all(dim=1)]
    if len(good) == 0:
        raise MetricError("no finite simulation at the posterior samples")
    return float((good - x_o).double().norm(dim=1).median())


@register_metric("ppc")
class PPC(Metric):
    """Median distance of data simulated at posterior samples to the observation, in the data's units."""

    digits = None
    optional = False
    source = "Lueckmann et al., Benchmarking simulation-based inference, AISTATS 2021"

    def score(self, draws: Draws) -> Score:
        """See :func:`ppc`; simulates at the first ``draws.num_predictive`` samples inside the prior."""
        inside = draws.samples[inside_prior(draws.task.prior(), draws.samples)][: draws.num_predictive]
        if len(inside) == 0:
            raise MetricError("no sample lies in the prior's support")
        return ppc(draws.task.simulate(inside, seed=draws.seed), draws.x_o)
