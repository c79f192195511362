"""Training a denoiser on the simulations, with or without an emulator's as a head start: which is better."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.distributions import Distribution

from methods.denoiser.base import GaussianBase
from methods.denoiser.emulator import Emulator
from methods.denoiser.learning import HeldOut, learn, new_network, split
from methods.denoiser.network import DenoiserNetwork

__all__ = ["FittedDenoiser", "Plan", "fit_denoiser"]

RATE = 1.5e-3


@dataclass(frozen=True)
class Plan:
    """Sizes of the networks and lengths of their training.

    Arguments:
        width: Units of a hidden layer.
        depth: Hidden layers.
        steps: Optimiser steps of each long training.
        emulated: Simulations to emulate; 0 for none.
        seed: Of everything.
    """

    width: int = 128
    depth: int = 3
    steps: int = 4000
    emulated: int = 60_000
    seed: int = 0


@dataclass(frozen=True)
class FittedDenoiser:
    """A denoiser with the base that it stands on.

    Attributes:
        base: Coordinates in which it works.
        network: The denoiser.
        validation_loss: Its held-out loss; the base alone has about 1.
        emulated: Whether it had the head start.
    """

    base: GaussianBase
    network: DenoiserNetwork
    validation_loss: float
    emulated: bool


def fit_denoiser(prior: Distribution, theta: Tensor, x: Tensor, plan: Plan) -> FittedDenoiser:
    """Fit base and network on simulations theta ``(K, dim_theta)``, x ``(K, dim_x)``.

    A tenth of the simulations is held out. One network is trained on the rest. Another is trained on many
    more pairs, theta from the prior and data from an :class:`Emulator` of the rest, and after that on the
    rest itself. The one with the lower held-out loss is kept.
    """
    base = GaussianBase.fit(prior, theta, x, plan.seed)
    c = base.encode_x(x)
    w = base.whiten(theta, c)
    held, rest = (rows.to(w.device) for rows in split(len(w), plan.seed))
    look = HeldOut(w[held], c[held], plan.seed)
    sizes = {"width": plan.width, "depth": plan.depth, "seed": plan.seed}

    direct = new_network(w, c, **sizes)
    small = {"batch_size": 256, "seed": plan.seed}
    learn(direct, w[rest], c[rest], look, steps=plan.steps, learning_rate=RATE, **small)
    candidates = [(look.loss(direct), direct, False)]
    if plan.emulated:
        columns = base.encode_x.gaussian(x)
        emulator = Emulator(prior, theta, columns, held, rest, steps=plan.steps // 2, **sizes)
        many_theta, many_columns = emulator.sample(plan.emulated)
        many_c = base.encode_x.widen(many_columns)
        many_w = base.whiten(many_theta, many_c)
        apart, others = split(len(many_w), plan.seed)
        network = new_network(w, c, **sizes)
        large = {"batch_size": 512, "seed": plan.seed}
        many_look = HeldOut(many_w[apart], many_c[apart], plan.seed)
        learn(
            network, many_w[others], many_c[others], many_look, steps=plan.steps, learning_rate=RATE, **large
        )
        learn(network, w[rest], c[rest], look, steps=plan.steps // 2, learning_rate=RATE / 2, **small)
        candidates.append((look.loss(network), network, True))
    loss, network, emulated = min(candidates, key=lambda candidate: candidate[0])
    return FittedDenoiser(base, network, loss, emulated)
