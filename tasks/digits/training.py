"""Training by Adam, for every network of the digits alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

__all__ = ["minimise"]

BATCH = 128


def minimise(
    loss: Callable[[Tensor], Tensor],
    parameters: Mapping[str, Tensor],
    num: int,
    *,
    steps: int,
    generator: torch.Generator,
    learning_rate: float = 2e-3,
    weight_decay: float = 0.0,
) -> None:
    """Change the parameters so that the loss falls; the learning rate ends at zero, by a cosine.

    Arguments:
        loss: Mean over the examples with the given numbers, ``(B,)`` to ``()``.
        parameters: Leaf tensors.
        num: Examples.
        steps: Batches.
        generator: Of the batches.
        learning_rate: At the start.
        weight_decay: AdamW's.
    """
    optimizer = torch.optim.AdamW(parameters.values(), lr=learning_rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        value = loss(torch.randint(num, (BATCH,), generator=generator))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
