"""The density of residuals given data: a denoiser, optionally on top of a conditional Gaussian."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from methods.contract.seeding import derive_seed
from methods.denoiser.conditional import ConditionalGaussian
from methods.denoiser.likelihood import log_likelihood
from methods.learning.denoiser_network import DenoiserNetwork
from methods.learning.denoising import HeldOut, learn, validations
from methods.learning.networks import seeded
from methods.learning.sizes import Sizes
from methods.learning.training import train

__all__ = ["LearnedDensity", "gaussian_log_density", "learn_density", "learn_gaussian"]

RATE = 4e-3
JUDGED = 1000  # Number of held-out rows over which a likelihood is averaged.
CONDITIONAL_DEPTH = 2
CONDITIONAL_STEPS = 1500


@dataclass(frozen=True)
class LearnedDensity:
    """The result of :func:`learn_density`.

    Attributes:
        conditional: Gaussian that whitens the residuals before the denoiser, or None if it is not used.
        network: The denoiser.
    """

    conditional: ConditionalGaussian | None
    network: DenoiserNetwork


def learn_density(w: Tensor, c: Tensor, held: Tensor, rest: Tensor, sizes: Sizes) -> LearnedDensity:
    """Learn the distribution of residuals w given encoded data c.

    A denoiser and a conditional Gaussian are trained independently. The Gaussian is used only if it alone has
    a higher log likelihood on the held-out rows than the denoiser. In that case the scales of w vary so
    strongly with c that a denoiser cannot follow them, and a second denoiser is trained on the whitened
    residuals. Otherwise the Gaussian would only rotate and stretch what the denoiser has to learn.

    Arguments:
        w: Residuals, ``(N, dim)``.
        c: Encoded data, ``(N, dim_c)``.
        held: Numbers of the held-out rows.
        rest: Numbers of the rows to train on.
        sizes: Size and training of the networks.
    """
    network = _denoiser(w, c, held, rest, sizes)
    conditional = learn_gaussian(w, c, held, rest, _stage(sizes, "conditional Gaussian"))
    judged = held[:JUDGED]
    without = float(log_likelihood(network, w[judged], c[judged]).mean())
    if _mean_log_density(conditional, w[judged], c[judged]) <= without:
        return LearnedDensity(None, network)
    with torch.no_grad():
        white = conditional.whiten(w, c)
    return LearnedDensity(conditional, _denoiser(white, c, held, rest, _stage(sizes, "on the Gaussian")))


def _stage(sizes: Sizes, name: str) -> Sizes:
    """Return the same sizes with a separate seed for one stage of the training."""
    return replace(sizes, seed=derive_seed(name, sizes.seed))


def _denoiser(w: Tensor, c: Tensor, held: Tensor, rest: Tensor, sizes: Sizes) -> DenoiserNetwork:
    dims = (w.shape[1], c.shape[1], sizes.width, sizes.depth)
    network = seeded(lambda: DenoiserNetwork(*dims), sizes.seed).to(w)
    held_out = HeldOut(w[held], c[held], sizes.seed)
    options = {"steps": sizes.steps, "batch_size": sizes.batch_size, "seed": sizes.seed}
    learn(network, w[rest], c[rest], held_out, learning_rate=RATE, **options)
    return network


def learn_gaussian(w: Tensor, c: Tensor, held: Tensor, rest: Tensor, sizes: Sizes) -> ConditionalGaussian:
    """Learn a Gaussian of residuals w given encoded data c; see :func:`learn_density` for the arguments."""
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
        validation=validations(lambda: float(gaussian.loss(w[held], c[held])), steps),
    )
    return gaussian


@torch.no_grad()
def gaussian_log_density(gaussian: ConditionalGaussian, w: Tensor, c: Tensor) -> Tensor:
    """Return the log density of each row of residuals w ``(N, dim)`` given c ``(N, dim_c)``, ``(N,)``."""
    normal = -0.5 * gaussian.whiten(w, c).square().sum(1) - 0.5 * w.shape[1] * math.log(2.0 * math.pi)
    return normal + gaussian.log_slope(c)


@torch.no_grad()
def _mean_log_density(gaussian: ConditionalGaussian, w: Tensor, c: Tensor) -> float:
    """Return the mean log density over rows, in nats."""
    return -w.shape[1] * float(gaussian.loss(w, c) + 0.5 * math.log(2.0 * math.pi))
