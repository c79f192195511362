"""The yardstick of C2ST: sbibm's protocol by scikit-learn itself, one classifier after the other.

Folds, initial weights and order of samples come from one seed, as sbibm has it. :func:`bench.metrics.c2st`
trains the same classifiers together and is what the tables hold.

Reference: Lueckmann et al., Benchmarking Simulation-Based Inference, AISTATS 2021 (arXiv 2101.04653).
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from torch import Tensor

from bench.metrics.checks import check_pair

__all__ = ["c2st_sklearn"]


def c2st_sklearn(reference: Tensor, samples: Tensor, *, seed: int = 1, num_folds: int = 5) -> float:
    """Mean accuracy over folds, equal to ``sbibm.metrics.c2st`` to the last digits.

    Arguments and errors are those of :func:`bench.metrics.c2st`.
    """
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
    return float(cross_val_score(classifier, data, target, cv=folds, scoring="accuracy").mean())
