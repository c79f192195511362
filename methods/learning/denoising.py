"""Training of a denoising network. Its loss on held-out simulations chooses the weights and the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from statistics import NormalDist

import torch
from torch import Tensor, nn

from methods.contract.seeding import derive_seed
from methods.learning.training import Validation, train

__all__ = ["HeldOut", "NoiseNetwork", "learn", "split", "validations"]

HELD_OUT, MAX_HELD_OUT = 0.1, 2000
ROWS = 8000  # About this many rows in one validation; each held-out sample is repeated with several noises.
VALIDATIONS = 80  # Number in one training. With few simulations the early ones matter most.


class NoiseNetwork(nn.Module, ABC):
    """A network that is trained to denoise."""

    @abstractmethod
    def losses(self, w: Tensor, c: Tensor, level: Tensor, noise: Tensor) -> Tensor:
        """Return the loss of each row, ``(N,)``. It is about 1 for an untrained network.

        Arguments:
            w: Clean values, ``(N, dim)``.
            c: Conditions, ``(N, dim_c)``.
            level: Standard normal numbers that choose the noise level of each row, ``(N, 1)``.
            noise: Standard normal noise, ``(N, dim)``.
        """


class HeldOut:
    """A held-out set for validation. Its noise is the same at every validation.

    Arguments:
        w: Clean residuals, ``(N, dim)``.
        c: Conditions, ``(N, dim_c)``.
        seed: Seed for noise and noise levels.
    """

    def __init__(self, w: Tensor, c: Tensor, seed: int) -> None:
        self._num = len(w)
        repeats = max(1, ROWS // self._num)
        self._w, self._c = w.repeat(repeats, 1), c.repeat(repeats, 1)
        rows = len(self._w)
        generator = torch.Generator().manual_seed(derive_seed("held-out noise", seed))
        # Noise levels are a shuffled lattice of quantiles, so the whole range is covered evenly.
        levels = torch.tensor([NormalDist().inv_cdf((i + 0.5) / rows) for i in range(rows)])
        self._level = levels[torch.randperm(rows, generator=generator)][:, None].to(w)
        self._noise = torch.randn(self._w.shape, generator=generator).to(w)

    def loss(self, network: NoiseNetwork) -> float:
        """Return the mean loss of the network. An untrained network has the loss of the base, about 1."""
        return float(self.losses(network).mean())

    @torch.no_grad()
    def losses(self, network: NoiseNetwork) -> Tensor:
        """Return the loss of the network on each held-out sample, ``(N,)``."""
        every = network.losses(self._w, self._c, self._level, self._noise)
        return every.unflatten(0, (-1, self._num)).mean(0)


def split(num_samples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Split row numbers at random into held-out ones (a tenth, at most ``MAX_HELD_OUT``) and the rest."""
    order = torch.randperm(
        num_samples, generator=torch.Generator().manual_seed(derive_seed("held-out rows", seed))
    )
    num_held = min(max(1, round(HELD_OUT * num_samples)), MAX_HELD_OUT)
    return order[:num_held], order[num_held:]


def learn(
    network: NoiseNetwork,
    w: Tensor,
    c: Tensor,
    held: HeldOut,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
) -> None:
    """Train a network in place and keep the weights with the lowest loss on the held-out set.

    Arguments:
        network: Network to train.
        w: Residuals to train on, ``(N, dim)``.
        c: Their conditions, ``(N, dim_c)``.
        held: Held-out set.
        steps: Maximum number of optimiser steps.
        batch_size: Number of rows per step.
        learning_rate: Peak learning rate, see :func:`methods.learning.training.train`.
        seed: Seed for noise and batches.
    """
    generator = torch.Generator(device=w.device).manual_seed(derive_seed("training noise", seed))

    def loss(w: Tensor, c: Tensor) -> Tensor:
        level = torch.randn(len(w), 1, generator=generator, device=w.device)
        noise = torch.randn(w.shape, generator=generator, device=w.device)
        return network.losses(w, c, level, noise).mean()

    options = {"steps": steps, "batch_size": batch_size, "seed": seed}
    validation = validations(lambda: held.loss(network), steps)
    train(network, loss, (w, c), learning_rate=learning_rate, validation=validation, **options)


def validations(loss: Callable[[], float], steps: int) -> Validation:
    """Return the validation schedule for a training of ``steps`` steps.

    The held-out loss is computed about :data:`VALIDATIONS` times. Training ends early if it has not
    improved for a quarter of that number.
    """
    return Validation(loss, every=max(10, steps // VALIDATIONS), patience=VALIDATIONS // 4)
