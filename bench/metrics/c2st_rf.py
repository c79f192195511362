"""Classifier two-sample test by random forest, with the settings of ``sbi.utils.metrics.c2st``.

The accuracy of scikit-learn's ``RandomForestClassifier`` (its defaults: 100 trees, grown until their leaves
are pure) over five folds, on data scaled by the reference's mean and standard deviation. Folds and trees of a
pair all start from one seed, as in sbi.

Its values are not those of :func:`bench.metrics.c2st`, whose classifier is a network. Compare them only with
figures that were made by a forest too, such as those of NPE-PFN and Simformer.

References: Friedman, On multivariate goodness-of-fit and two-sample testing, 2003; Lopez-Paz and Oquab,
Revisiting classifier two-sample tests, ICLR 2017; Boelts et al., sbi reloaded, JOSS 2025 (arXiv 2411.17337).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bench.metrics.c2st import C2ST, C2STMetric, SamplePair
from bench.metrics.cross_validation import fold_accuracies
from bench.metrics.metric_input import check_classes
from bench.metrics.registry import register_metric

__all__ = ["ForestC2ST", "c2st_rf", "c2st_rf_many"]


def c2st_rf(reference: Tensor, samples: Tensor, *, seed: int = 1, num_folds: int = 5) -> float:
    """Mean accuracy of the forests on held-out folds, equal to that of ``sbi.utils.metrics.c2st``.

    Arguments:
        reference: ``(N, D)``; sets the scale.
        samples: ``(N, D)``, as many rows as the reference.
        seed: Seed of the folds and of every forest.
        num_folds: Number of folds; sbi's default is 5.

    Raises:
        MetricError: for values that are not finite, unequal dimensions or numbers, or too few rows.

    Example:
        >>> x = torch.randn(100, 1, generator=torch.Generator().manual_seed(0))
        >>> c2st_rf(x, x + 10.0)
        1.0
    """
    [result] = c2st_rf_many([(reference, samples)], seed=seed, num_folds=num_folds)
    return result.mean


def c2st_rf_many(pairs: Sequence[tuple[Tensor, Tensor]], *, seed: int = 1, num_folds: int = 5) -> list[C2ST]:
    """The test for many pairs ``(reference, samples)``, on as many threads as torch may use.

    A pair's result depends neither on the other pairs nor on the number of threads. The other arguments are
    those of :func:`c2st_rf`; accuracies are of shape ``(1, num_folds)``.
    """
    from sklearn.ensemble import RandomForestClassifier

    for pair in pairs:
        check_classes(*pair, num_folds)
    forest = RandomForestClassifier(random_state=seed)
    threads = torch.get_num_threads()
    scores = fold_accuracies(forest, pairs, seed=seed, num_folds=num_folds, threads=threads)
    return [C2ST(accuracies[None]) for accuracies in scores]


@register_metric("c2st_rf")
class ForestC2ST(C2STMetric):
    """The C2ST by sbi's random forest; compare it with published figures of a forest alone."""

    more_numbers = ()
    optional = True
    source = "Boelts et al., sbi reloaded, JOSS 2025 (arXiv 2411.17337)"

    def test(self, pairs: list[SamplePair], device: str) -> list[C2ST]:
        """See :func:`c2st_rf_many`; forests are grown on the CPU."""
        return c2st_rf_many(pairs)
