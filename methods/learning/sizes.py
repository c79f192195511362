"""The size of a network and the settings of its training."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Sizes"]


@dataclass(frozen=True)
class Sizes:
    """The width and depth of a network, and the settings of its training.

    Arguments:
        width: Number of units in a hidden layer.
        depth: Number of hidden layers.
        steps: Maximum number of optimiser steps.
        batch_size: Number of rows per step.
        seed: Seed for weights, batches and noise.
    """

    width: int
    depth: int
    steps: int
    batch_size: int
    seed: int
