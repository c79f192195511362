"""The standard of comparison for the C2ST: sbibm's protocol in scikit-learn, one classifier at a time.

Folds, initial weights and the order of samples come from one seed, as in sbibm. The tables hold the values of
:func:`bench.metrics.c2st`, which trains the same classifiers together.

Reference: Lueckmann et al., Benchmarking Simulation-Based Inference, AISTATS 2021 (arXiv 2101.04653).
"""

from __future__ import annotations

from torch import Tensor

from bench.metrics.cross_validation import fold_accuracies
from bench.metrics.metric_input import check_classes

__all__ = ["c2st_sklearn"]


def c2st_sklearn(reference: Tensor, samples: Tensor, *, seed: int = 1, num_folds: int = 5) -> float:
    """Return the mean accuracy over folds, equal to ``sbibm.metrics.c2st`` up to the last digits.

    Arguments and errors are those of :func:`bench.metrics.c2st`.
    """
    from sklearn.neural_network import MLPClassifier

    reference, samples = check_classes(reference, samples, num_folds)
    dim = reference.shape[1]
    classifier = MLPClassifier(
        activation="relu",
        hidden_layer_sizes=(10 * dim, 10 * dim),
        max_iter=10_000,
        solver="adam",
        random_state=seed,
    )
    return float(fold_accuracies(classifier, [(reference, samples)], seed=seed, num_folds=num_folds).mean())
