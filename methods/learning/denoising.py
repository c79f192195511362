"""Training of a network that denoises, looked after by simulations that it does not see."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from statistics import NormalDist

import torch
from torch import Tensor, nn

from methods.contract.seeding import derive_seed
from methods.learning.training import Validation, train

__all__ = ["HeldOut", "NoiseNetwork", "learn", "looks", "split"]

HELD_OUT, MAX_HELD_OUT = 0.1, 2000
ROWS = 8000  # at least in a look, each held-out sample counted with several noises
LOOKS = 80  # in a training; the early ones are the most useful where simulations are few


class NoiseNetwork(nn.Module, ABC):
    """A network that learns what noise did to its data."""

    @abstractmethod
    def losses(self, w: Tensor, c: Tensor, level: Tensor, noise: Tensor) -> Tensor:
        """Loss of each row, ``(N,)``; an untrained network's is about 1.

        Arguments:
            w: Clean values, ``(N, dim)``.
            c: Conditions, ``(N, dim_c)``.
            level: Standard normal, ``(N, 1)``: which noise level.
            noise: Standard normal, ``(N, dim)``.
        """


class HeldOut:
    """Residuals w ``(N, dim)`` with their conditions c, and noise that is the same at every look."""

    def __init__(self, w: Tensor, c: Tensor, seed: int) -> None:
        self._num = len(w)
        repeats = max(1, ROWS // self._num)
        self._w, self._c = w.repeat(repeats, 1), c.repeat(repeats, 1)
        rows = len(self._w)
        generator = torch.Generator().manual_seed(derive_seed("held-out noise", seed))
        # Noise levels on a lattice, shuffled: each sample has its share of all of them.
        levels = torch.tensor([NormalDist().inv_cdf((i + 0.5) / rows) for i in range(rows)])
        self._level = levels[torch.randperm(rows, generator=generator)][:, None].to(w)
        self._noise = torch.randn(self._w.shape, generator=generator).to(w)

    def loss(self, network: NoiseNetwork) -> float:
        """Mean loss of the network; an untrained one has that of the base, about 1."""
        return float(self.losses(network).mean())

    @torch.no_grad()
    def losses(self, network: NoiseNetwork) -> Tensor:
        """Loss of the network at each held-out sample, ``(N,)``."""
        every = network.losses(self._w, self._c, self._level, self._noise)
        return every.unflatten(0, (-1, self._num)).mean(0)


def split(num_samples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Rows held out (a tenth, at most ``MAX_HELD_OUT``), and the rest."""
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
    """Train in place on residuals w ``(N, dim)`` with conditions c; the weights best on ``held`` are kept."""
    generator = torch.Generator(device=w.device).manual_seed(derive_seed("training noise", seed))

    def loss(w: Tensor, c: Tensor) -> Tensor:
        level = torch.randn(len(w), 1, generator=generator, device=w.device)
        noise = torch.randn(w.shape, generator=generator, device=w.device)
        return network.losses(w, c, level, noise).mean()

    options = {"steps": steps, "batch_size": batch_size, "seed": seed}
    look = looks(lambda: held.loss(network), steps)
    train(network, loss, (w, c), learning_rate=learning_rate, validation=look, **options)


def looks(loss: Callable[[], float], steps: int) -> Validation:
    """Looks at a held-out loss in a training of so many steps."""
    return Validation(loss, every=max(10, steps // LOOKS), patience=LOOKS // 4)
