"""Which digit an 8×8 image shows, by a stored network."""

from __future__ import annotations

from torch import Tensor

from tasks.digits.perceptron import perceptron
from tasks.digits.weights import read_weights

__all__ = ["NUM_CLASSES", "classify", "log_class_probabilities"]

NUM_CLASSES = 10


def log_class_probabilities(images: Tensor) -> Tensor:
    """Logs of :func:`classify`, ``(N, 10)``, which tell classes apart whose probability underflows."""
    return perceptron(read_weights("classifier"), images.cpu().double()).log_softmax(-1)


def classify(images: Tensor) -> Tensor:
    """Probabilities ``(N, 10)``, float64, that images ``(N, 64)`` with pixels in [0, 1] show 0 … 9."""
    return log_class_probabilities(images).exp()
