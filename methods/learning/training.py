"""The training loop of the suite's own networks."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from methods.contract.seeding import derive_seed
from methods.learning.networks import ResidualMLP
from methods.learning.precision import fast_products

__all__ = ["Validation", "batches", "train"]

# Newton-Schulz iterations of Muon. Torch's default of five takes half the time of a step of a deep network;
# three train equally well.
ITERATIONS = 3


@dataclass(frozen=True)
class Validation:
    """When to validate on held-out data, and when to end the training.

    Arguments:
        loss: Function that returns the network's held-out loss; lower is better. It is called without
            gradients.
        every: Number of steps between two validations.
        patience: Number of validations without a new lowest loss after which training ends.
        averaging: Decay of the running average of the weights. The averaged weights are validated and kept.
    """

    loss: Callable[[], float]
    every: int = 100
    patience: int = 10
    averaging: float = 0.995


def train(
    network: nn.Module,
    loss: Callable[..., Tensor],
    data: tuple[Tensor, ...],
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    validation: Validation | None = None,
) -> list[float]:
    """Minimise ``loss(*batch)`` over minibatches with a short warm-up and a cosine decay to zero.

    Hidden matrices of a :class:`ResidualMLP` are trained with Muon (Jordan et al. 2024), all other parameters
    with AdamW. Batches come from :func:`batches`, and their order depends on ``seed`` alone. With a
    validation, the network ends with the averaged weights of lowest held-out loss; the initial weights are
    among the candidates.

    Arguments:
        network: Network to train, in place.
        loss: Function that returns the scalar mean loss of a batch. Its arguments are rows of each tensor in
            ``data``.
        data: Tensors with the same first dimension, on the network's device.
        steps: Maximum number of optimiser steps.
        batch_size: Number of samples per step; all samples if there are fewer.
        learning_rate: Peak learning rate of AdamW. Muon's is ten times as large, since its steps have unit
            size.
        seed: Seed for the order of the samples.
        validation: Validation that chooses the weights. Without it, the last weights are kept.

    Returns:
        The loss of every step.
    """
    num_samples = len(data[0])
    batch_size = min(batch_size, num_samples)
    optimizers = _optimizers(network, learning_rate)
    warmup = max(1, steps // 50)
    schedulers = [
        torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda step: min((step + 1) / warmup, 0.5 * (1.0 + math.cos(math.pi * step / steps))),
        )
        for optimizer in optimizers
    ]
    best = _Best(network, validation) if validation else None
    order = batches(num_samples, batch_size, seed, data[0].device)
    history: list[Tensor] = []  # Read at the end only, since each reading would wait for the GPU.
    network.train()
    with fast_products(data[0].device):
        for rows in itertools.islice(order, steps):
            value = loss(*(tensor[rows] for tensor in data))
            network.zero_grad(set_to_none=True)
            value.backward()
            for optimizer, scheduler in zip(optimizers, schedulers, strict=True):
                optimizer.step()
                scheduler.step()
            history.append(value.detach())
            if best:
                best.follow(len(history))
                if best.is_final:
                    break
    network.eval()
    if best:
        network.load_state_dict(best.state)
    return [float(value) for value in history]


def batches(num_samples: int, batch_size: int, seed: int, device: torch.device) -> Iterator[Tensor]:
    """Yield batches of row numbers, ``(batch_size,)`` each, without end.

    Batches are cut from a sequence of random permutations. A batch may contain the end of one permutation and
    the start of the next, so every sample is used once before any is used twice. No batch contains a sample
    twice: the next permutation is reordered so that these samples come after that batch.

    Arguments:
        num_samples: Number of rows to choose from.
        batch_size: Number of rows in a batch, at most num_samples.
        seed: Seed for the permutations.
        device: Device of the row numbers.

    Example:
        >>> rows = batches(3, 2, 0, torch.device("cpu"))
        >>> sorted(torch.cat([next(rows), next(rows)])[:3].tolist())
        [0, 1, 2]
    """
    generator = torch.Generator().manual_seed(derive_seed("order of batches", seed))
    rest = torch.empty(0, dtype=torch.long)
    while True:
        order = torch.randperm(num_samples, generator=generator)
        if len(rest):
            new = ~torch.isin(order, rest)
            first = new & (new.cumsum(0) <= batch_size - len(rest))
            order = torch.cat([rest, order[first], order[~first]])
        whole = len(order) - len(order) % batch_size
        yield from order[:whole].to(device).split(batch_size)
        rest = order[whole:]


def _optimizers(network: nn.Module, learning_rate: float) -> list[torch.optim.Optimizer]:
    residual = [module for module in network.modules() if isinstance(module, ResidualMLP)]
    hidden = [layer.weight for module in residual for layer in module.matrices]
    known = {id(weight) for weight in hidden}
    others = [weight for weight in network.parameters() if id(weight) not in known]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(others, lr=learning_rate, weight_decay=1e-4, fused=True)
    ]
    if hidden:
        muon = torch.optim.Muon(hidden, lr=10.0 * learning_rate, weight_decay=0.0, ns_steps=ITERATIONS)
        optimizers.append(muon)
    return optimizers


class _Best:
    """The running average of a network's weights, and the averaged weights of lowest held-out loss."""

    def __init__(self, network: nn.Module, validation: Validation) -> None:
        self._network, self._validation = network, validation
        self._average = [p.detach().clone() for p in network.parameters()]
        self._failures = 0
        self.state = copy.deepcopy(network.state_dict())
        self._least = self._held_out()

    @property
    def is_final(self) -> bool:
        """Whether the patience is exhausted."""
        return self._failures >= self._validation.patience

    def follow(self, step: int) -> None:
        """Update the average with the weights after ``step`` steps, and validate it if it is due."""
        decay = min(self._validation.averaging, (1 + step) / (10 + step))
        weights = [p.detach() for p in self._network.parameters()]
        torch._foreach_lerp_(self._average, weights, 1.0 - decay)
        if step % self._validation.every:
            return
        live = [p.clone() for p in weights]
        self._set(self._average)
        value = self._held_out()
        self._failures += 1
        if value < self._least:
            self._least, self._failures = value, 0
            self.state = copy.deepcopy(self._network.state_dict())
        self._set(live)

    @torch.no_grad()
    def _held_out(self) -> float:
        self._network.eval()
        value = self._validation.loss()
        self._network.train()
        return value

    @torch.no_grad()
    def _set(self, values: list[Tensor]) -> None:
        for parameter, value in zip(self._network.parameters(), values, strict=True):
            parameter.copy_(value)
