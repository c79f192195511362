"""The density of residuals given data: a denoiser, on a conditional Gaussian where that does better."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from methods.contract.seeding import derive_seed
from methods.denoiser.conditional import ConditionalGaussian
from methods.denoiser.likelihood import log_likelihood
from methods.learning.denoiser_network import DenoiserNetwork
from methods.learning.denoising import HeldOut, learn, looks
from methods.learning.networks import seeded
from methods.learning.sizes import Sizes
from methods.learning.training import train

__all__ = ["LearnedDensity", "learn_density"]

RATE = 4e-3
JUDGED = 1000  # held-out rows that a likelihood is taken over
CONDITIONAL_DEPTH = 2
CONDITIONAL_STEPS = 1500


@dataclass(frozen=True)
class LearnedDensity:
    """What :func:`learn_density` found.

    Attributes:
        conditional: Whitens the residuals before the denoiser sees them; None where it sees them as they are.
        network: The denoiser.
    """

    conditional: ConditionalGaussian | None
    network: DenoiserNetwork


def learn_density(w: Tensor, c: Tensor, held: Tensor, rest: Tensor, sizes: Sizes) -> LearnedDensity:
    """Learn the law of residuals w ``(N, dim)`` given c ``(N, dim_c)`` from the rows ``rest``.

    A conditional Gaussian is taken where it is likelier all by itself, on the rows ``held``, than a denoiser
    that was trained without it: then scales vary with c so much that a denoiser cannot follow them.
    Elsewhere it only turns and stretches what the denoiser has to learn, and is left out.
    """
    network = _denoiser(w, c, held, rest, sizes)
    conditional = _gaussian(w, c, held, rest, _stage(sizes, "conditional Gaussian"))
    judged = held[:JUDGED]
    without = float(log_likelihood(network, w[judged], c[judged]).mean())
    if _log_density(conditional, w[judged], c[judged]) <= without:
        return LearnedDensity(None, network)
    with torch.no_grad():
        white = conditional.whiten(w, c)
    return LearnedDensity(conditional, _denoiser(white, c, held, rest, _stage(sizes, "on the Gaussian")))


def _stage(sizes: Sizes, name: str) -> Sizes:
    """The same sizes with a seed of its own."""
    return replace(sizes, seed=derive_seed(name, sizes.seed))


def _denoiser(w: Tensor, c: Tensor, held: Tensor, rest: Tensor, sizes: Sizes) -> DenoiserNetwork:
    dims = (w.shape[1], c.shape[1], sizes.width, sizes.depth)
    network = seeded(lambda: DenoiserNetwork(*dims), sizes.seed).to(w)
    look = HeldOut(w[held], c[held], sizes.seed)
    options = {"steps": sizes.steps, "batch_size": sizes.batch_size, "seed": sizes.seed}
    learn(network, w[rest], c[rest], look, learning_rate=RATE, **options)
    return network


def _gaussian(w: Tensor, c: Tensor, held: Tensor, rest: Tensor, sizes: Sizes) -> ConditionalGaussian:
    dims = (w.shape[1], c.shape[1])
    gaussian = seeded(lambda: ConditionalGaussian(*dims, sizes.width, CONDITIONAL_DEPTH), sizes.seed).to(w)
    steps = min(CONDITIONAL_STEPS, sizes.steps)
    train(
        gaussian,
        gaussian.loss,
        (w[rest], c[rest]),
        steps=steps,
        batch_size=sizes.batch_size,
        learning_rate=RATE,
        seed=sizes.seed,
        validation=looks(lambda: float(gaussian.loss(w[held], c[held])), steps),
    )
    return gaussian


@torch.no_grad()
def _log_density(gaussian: ConditionalGaussian, w: Tensor, c: Tensor) -> float:
    """Mean over rows, in nats."""
    return -w.shape[1] * float(gaussian.loss(w, c) + 0.5 * math.log(2.0 * math.pi))
