"""A stored classifier of 8×8 images of digits."""

from __future__ import annotations

from torch import Tensor

from tasks.digits.perceptron import perceptron
from tasks.digits.weights import read_weights

__all__ = ["NUM_CLASSES", "classify", "log_class_probabilities"]

NUM_CLASSES = 10


def log_class_probabilities(images: Tensor) -> Tensor:
    """Logarithms of :func:`classify`, ``(N, 10)``, float64; finite even if a probability underflows."""
    return perceptron(read_weights("classifier"), images.cpu().double()).log_softmax(-1)


def classify(images: Tensor) -> Tensor:
    """Probabilities of the digits 0 … 9.

    Arguments:
        images: Images, ``(N, 64)``, with pixels in [0, 1].

    Returns:
        Class probabilities, ``(N, 10)``, float64.
    """
    return log_class_probabilities(images).exp()
