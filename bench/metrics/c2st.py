"""Classifier two-sample test, by sbibm's protocol.

The accuracy of a multilayer perceptron in telling samples from reference, averaged over five folds: two
ReLU layers of 10 D units, Adam, scikit-learn's defaults for the rest, data scaled by the reference's mean
and standard deviation, and one seed for the folds and the initial weights.

References: Friedman, On multivariate goodness-of-fit and two-sample testing, 2003; Lopez-Paz and Oquab,
Revisiting classifier two-sample tests, ICLR 2017; settings of sbibm (arXiv 2101.04653).
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from torch import Tensor

from bench.metrics.checks import check_pair

__all__ = ["c2st", "c2st_folds"]


def c2st(reference: Tensor, samples: Tensor, *, seed: int = 1, num_folds: int = 5) -> float:
    """Mean accuracy over folds: 0.5 where the two cannot be told apart, 1 where they always can.

    Arguments:
        reference: ``(N, D)``; sets the scale.
        samples: ``(M, D)``; N = M, or the larger class alone would be worth more than 0.5.
        seed: Of folds and initial weights; sbibm's is 1.
        num_folds: sbibm's are 5.

    Raises:
        MetricError: for values that are not finite, unequal dimensions or too few rows.

    Example:
        >>> x = torch.randn(100, 1, generator=torch.Generator().manual_seed(0))
        >>> c2st(x, x + 10.0)
        1.0
    """
    return float(c2st_folds(reference, samples, seed=seed, num_folds=num_folds).mean())


def c2st_folds(reference: Tensor, samples: Tensor, *, seed: int = 1, num_folds: int = 5) -> np.ndarray:
    """Accuracy of each fold, ``(num_folds,)``: what :func:`c2st` averages."""
    check_pair(reference, samples, at_least=num_folds)
    # In float32 and through torch, as sbibm does it: the classifier's path depends on the last digits.
    mean, std = torch.mean(reference, dim=0), torch.std(reference, dim=0)
    data = np.concatenate([((part - mean) / std).cpu().numpy() for part in (reference, samples)])
    target = np.concatenate([np.zeros(len(reference)), np.ones(len(samples))])
    dim = reference.shape[1]
    classifier = MLPClassifier(
        activation="relu",
        hidden_layer_sizes=(10 * dim, 10 * dim),
        max_iter=10_000,
        solver="adam",
        random_state=seed,
    )
    folds = KFold(n_splits=num_folds, shuffle=True, random_state=seed)
    return cross_val_score(classifier, data, target, cv=folds, scoring="accuracy")
