"""A classifier of digits, trained on images with noise so that it also knows blurred ones."""

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
    """Its layers.

    Arguments:
        images: ``(N, 64)``, pixels in [0, 1].
        labels: ``(N,)``, 0 … 9.
        seed: Of everything.
        steps: Batches.
    """
    generator = torch.Generator().manual_seed(seed)
    layers = new_layers([images.shape[1], WIDTH, WIDTH, NUM_CLASSES], generator)

    def loss(rows: Tensor) -> Tensor:
        y = images[rows]
        y = y + JITTER * torch.randn(y.shape, generator=generator)
        return cross_entropy(perceptron(layers, y), labels[rows])

    minimise(loss, layers, len(images), steps=steps, generator=generator, weight_decay=0.01)
    return layers
