"""How large a network is, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Sizes"]


@dataclass(frozen=True)
class Sizes:
    """A network's width and depth, and how it is trained.

    Arguments:
        width: Units of a hidden layer.
        depth: Hidden layers.
        steps: Optimiser steps at most.
        batch_size: Rows a step.
        seed: Of weights, batches and noise.
    """

    width: int
    depth: int
    steps: int
    batch_size: int
    seed: int
