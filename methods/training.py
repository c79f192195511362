"""The training loop of the suite's own networks."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["train"]


def train(
    network: nn.Module,
    loss: Callable[..., Tensor],
    data: tuple[Tensor, ...],
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
) -> list[float]:
    """Minimise ``loss(*batch)`` over minibatches with AdamW, a short warm-up and a cosine decay to zero.

    Batches come from a fresh permutation each epoch, so every sample is seen once before any is seen
    twice. The order depends on ``seed`` alone.

    Arguments:
        network: Whose parameters are trained, in place.
        loss: Scalar mean loss of a batch, one tensor for each of ``data``.
        data: Tensors with the same first dimension, already on the network's device.
        steps: Optimiser steps.
        batch_size: Samples a step (all of them where there are fewer).
        learning_rate: Peak of the schedule.
        seed: Seed of the order.

    Returns:
        The loss of every step.
    """
    num_samples = len(data[0])
    batch_size = min(batch_size, num_samples)
    warmup = max(1, steps // 50)
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / warmup, 0.5 * (1.0 + math.cos(math.pi * step / steps))),
    )
    generator = torch.Generator().manual_seed(seed)
    history: list[float] = []
    network.train()
    while len(history) < steps:
        order = torch.randperm(num_samples, generator=generator).to(data[0].device)
        for rows in order[: num_samples - num_samples % batch_size].split(batch_size):
            if len(history) == steps:
                break
            value = loss(*(tensor[rows] for tensor in data))
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            optimizer.step()
            scheduler.step()
            history.append(float(value.detach()))
    network.eval()
    return history
