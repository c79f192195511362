"""The training loop that all networks of the digits tasks share."""

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
    """Minimise a loss by AdamW, in place. The learning rate decays to zero along a cosine.

    Arguments:
        loss: Mean loss, a function from the indices of a batch ``(B,)`` to a scalar ``()``.
        parameters: Leaf tensors to train, by name; they are changed in place.
        num: Number of training examples.
        steps: Number of batches.
        generator: Generator that draws the batches.
        learning_rate: Learning rate at the start.
        weight_decay: Weight decay of AdamW.
    """
    optimizer = torch.optim.AdamW(parameters.values(), lr=learning_rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        value = loss(torch.randint(num, (BATCH,), generator=generator))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
