"""Cross-validated accuracy of a scikit-learn classifier that tells samples from the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from joblib import Parallel, delayed
from torch import Tensor

from bench.metrics.metric_input import standardised

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin

__all__ = ["fold_accuracies"]

Fold = tuple[np.ndarray, np.ndarray]


def fold_accuracies(
    classifier: ClassifierMixin,
    pairs: Sequence[tuple[Tensor, Tensor]],
    *,
    seed: int,
    num_folds: int,
    threads: int = 1,
) -> np.ndarray:
    """Return the accuracies ``(num_pairs, num_folds)`` on held-out folds.

    Arguments:
        classifier: scikit-learn classifier; every fold trains a fresh copy of it.
        pairs: Pairs ``(reference, samples)`` of shape ``(N, D)`` each, already checked by
            :func:`bench.metrics.metric_input.check_classes`. The reference sets the scale.
        seed: Seed of the folds.
        num_folds: Number of folds of each pair.
        threads: Number of threads that train folds in parallel; the result does not depend on it.
    """
    from sklearn.model_selection import KFold

    splitter = KFold(n_splits=num_folds, shuffle=True, random_state=seed)
    # A fold is the unit of work. If a forest distributed its trees over threads, it would add their votes in
    # the order in which they finish. Threads suffice, because scikit-learn's trees release Python's lock.
    work = (
        delayed(_accuracy)(classifier, data, target, fold)
        for data, target in (_labelled(*pair) for pair in pairs)
        for fold in splitter.split(data)
    )
    accuracies = Parallel(n_jobs=threads, backend="threading")(work)
    return np.reshape(accuracies, (len(pairs), num_folds))


def _labelled(reference: Tensor, samples: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return all rows, standardised by the reference, and labels: 0 for the reference, 1 for samples."""
    data = standardised(reference, samples).cpu().numpy()
    return data, np.concatenate([np.zeros(len(reference)), np.ones(len(samples))])


def _accuracy(classifier: ClassifierMixin, data: np.ndarray, target: np.ndarray, fold: Fold) -> float:
    from sklearn.model_selection import cross_val_score

    return float(cross_val_score(classifier, data, target, cv=[fold], scoring="accuracy")[0])
