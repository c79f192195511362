"""Training of a classifier of digits, with noisy images so that it also recognises blurred ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tasks.digits.classifier import NUM_CLASSES
from tasks.digits.perceptron import new_layers, perceptron
from tasks.digits.training import minimise

__all__ = ["train_classifier"]

WIDTH = 64
STEPS = 6000
JITTER = 0.15  # standard deviation on each pixel


def train_classifier(images: Tensor, labels: Tensor, seed: int, steps: int = STEPS) -> dict[str, Tensor]:
    """Train a classifier by cross-entropy and return its weights.

    Arguments:
        images: Images, ``(N, 64)``, with pixels in [0, 1].
        labels: Classes 0 … 9, ``(N,)``.
        seed: Seed for all randomness.
        steps: Number of batches.
    """
    generator = torch.Generator().manual_seed(seed)
    layers = new_layers([images.shape[1], WIDTH, WIDTH, NUM_CLASSES], generator)

    def loss(rows: Tensor) -> Tensor:
        y = images[rows]
        y = y + JITTER * torch.randn(y.shape, generator=generator)
        return cross_entropy(perceptron(layers, y), labels[rows])

    minimise(loss, layers, len(images), steps=steps, generator=generator, weight_decay=0.01)
    return layers
