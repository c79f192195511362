"""Classifier two-sample test (C2ST) by random forest, with the settings of ``sbi.utils.metrics.c2st``.

The C2ST is the accuracy, over five folds, of scikit-learn's ``RandomForestClassifier`` at its defaults (100
trees, grown until their leaves are pure). Data are standardised by the reference's mean and standard
deviation. All folds and trees of a pair start from one seed, as in sbi.

The values differ from those of :func:`bench.metrics.c2st`, whose classifier is a network. Compare them only
with results by a forest, such as those published for NPE-PFN and Simformer.

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
    """Return the mean accuracy of the forests on held-out folds, equal to ``sbi.utils.metrics.c2st``.

    Arguments:
        reference: Reference draws, ``(N, D)``; they set the scale.
        samples: Samples, ``(N, D)``, with as many rows as the reference.
        seed: Seed of the folds and of every forest.
        num_folds: Number of folds; sbi's default is 5.

    Raises:
        MetricError: if values are not finite, dimensions or numbers of rows differ, or rows are too few.

    Example:
        >>> x = torch.randn(100, 1, generator=torch.Generator().manual_seed(0))
        >>> c2st_rf(x, x + 10.0)
        1.0
    """
    [result] = c2st_rf_many([(reference, samples)], seed=seed, num_folds=num_folds)
    return result.mean


def c2st_rf_many(pairs: Sequence[tuple[Tensor, Tensor]], *, seed: int = 1, num_folds: int = 5) -> list[C2ST]:
    """Return the test's results for many pairs, computed on as many threads as torch may use.

    A pair's result depends neither on the other pairs nor on the number of threads.

    Arguments:
        pairs: Pairs ``(reference, samples)`` as in :func:`c2st_rf`.
        seed: Seed of the folds and of every forest.
        num_folds: Number of folds.

    Returns:
        One result for each pair, with accuracies ``(1, num_folds)``.

    Raises:
        MetricError: as :func:`c2st_rf`.
    """
    from sklearn.ensemble import RandomForestClassifier

    pairs = [check_classes(*pair, num_folds) for pair in pairs]
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
