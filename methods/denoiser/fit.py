"""Training a denoiser: which base it stands on, and a head start by emulated simulations where that helps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution

from methods.denoiser.base import GaussianBase
from methods.denoiser.conditional import ConditionalGaussian
from methods.denoiser.emulator import Emulator
from methods.denoiser.learning import HeldOut, learn, new_network, split
from methods.denoiser.likelihood import log_likelihood
from methods.denoiser.network import DenoiserNetwork
from methods.training import Validation, train

__all__ = ["FittedDenoiser", "Plan", "fit_denoiser"]

RATE = 1.5e-3
BATCH, LARGE_BATCH = 256, 512
JUDGED = 1000  # held-out rows that a likelihood is taken over
RACE = 8  # a base is judged after this part of the training


@dataclass(frozen=True)
class Plan:
    """Sizes of the networks and lengths of their training.

    Arguments:
        width: Units of a hidden layer.
        depth: Hidden layers.
        steps: Optimiser steps of the longest training.
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
        log_likelihood: Mean log density of held-out theta given their x, in nats.
    """

    base: GaussianBase
    network: DenoiserNetwork
    log_likelihood: float


@dataclass(frozen=True)
class _Pairs:
    """Theta with encoded data c, and which rows are held out."""

    theta: Tensor
    c: Tensor
    held: Tensor
    rest: Tensor
    batch_size: int

    @classmethod
    def split(cls, theta: Tensor, c: Tensor, batch_size: int, seed: int) -> _Pairs:
        held, rest = (rows.to(c.device) for rows in split(len(c), seed))
        return cls(theta, c, held, rest, batch_size)


def fit_denoiser(prior: Distribution, theta: Tensor, x: Tensor, plan: Plan) -> FittedDenoiser:
    """Fit base and network on simulations theta ``(K, dim_theta)``, x ``(K, dim_x)``.

    A tenth of the simulations is held out. An :class:`Emulator` of the rest makes many more pairs; the base
    is the one of several on which a short training on these gives held-out theta the highest density. On it
    a network is trained on the emulated pairs, then on the simulations themselves; what these add is kept
    where the held-out loss falls by more than the error of the difference.
    """
    base = GaussianBase.fit(prior, theta, x, plan.seed)
    real = _Pairs.split(theta, base.encode_x(x), BATCH, plan.seed)
    wide = _emulated(prior, base, real, x, plan) if plan.emulated else real
    base = _likeliest(prior, base, theta, x, wide, plan)
    network = _learned(base, wide, plan, plan.steps)
    if plan.emulated:
        look = _look(base, real, plan)
        tuned = _learned(base, real, plan, plan.steps // 2, RATE / 2, start=network)
        gain = look.losses(network) - look.losses(tuned)
        if gain.mean() > gain.std() / len(gain) ** 0.5:
            network = tuned
    return FittedDenoiser(base, network, _mean_log_density(base, network, real))


def _emulated(prior: Distribution, base: GaussianBase, real: _Pairs, x: Tensor, plan: Plan) -> _Pairs:
    columns = base.encode_x.gaussian(x)
    sizes = {"width": plan.width, "depth": plan.depth, "steps": plan.steps // 2, "seed": plan.seed}
    emulator = Emulator(prior, real.theta, columns, real.held, real.rest, **sizes)
    theta, columns = emulator.sample(plan.emulated)
    return _Pairs.split(theta, base.encode_x.widen(columns), LARGE_BATCH, plan.seed)


def _likeliest(
    prior: Distribution, base: GaussianBase, theta: Tensor, x: Tensor, pairs: _Pairs, plan: Plan
) -> GaussianBase:
    """The base, one with a conditional Gaussian on top, or one with the prior made Gaussian."""
    bases = [base, base.on_top(_conditional(base, pairs, plan))]
    if base.unbounded.is_interval and base.unbounded.blend < 1.0:
        bases.append(GaussianBase.fit(prior, theta, x, plan.seed, blends=(1.0,)))
    scores = [_mean_log_density(b, _learned(b, pairs, plan, plan.steps // RACE), pairs) for b in bases]
    return bases[max(range(len(bases)), key=scores.__getitem__)]


def _conditional(base: GaussianBase, pairs: _Pairs, plan: Plan) -> ConditionalGaussian:
    w, held, rest = base.whiten(pairs.theta, pairs.c), pairs.held, pairs.rest
    with torch.random.fork_rng():
        torch.manual_seed(plan.seed)
        conditional = ConditionalGaussian(w.shape[1], pairs.c.shape[1], plan.width, 2).to(w)
    steps = max(1, plan.steps * 3 // 8)
    train(
        conditional,
        conditional.loss,
        (w[rest], pairs.c[rest]),
        steps=steps,
        batch_size=pairs.batch_size,
        learning_rate=RATE,
        seed=plan.seed,
        validation=Validation(
            lambda: float(conditional.loss(w[held], pairs.c[held])), every=max(10, steps // 80), patience=20
        ),
    )
    return conditional


def _learned(
    base: GaussianBase,
    pairs: _Pairs,
    plan: Plan,
    steps: int,
    learning_rate: float = RATE,
    start: DenoiserNetwork | None = None,
) -> DenoiserNetwork:
    """A network trained on pairs, from the start given (which stays as it is) or a fresh one."""
    w = base.whiten(pairs.theta, pairs.c)
    network = new_network(w, pairs.c, plan.width, plan.depth, plan.seed)
    if start is not None:
        network.load_state_dict(start.state_dict())
    learn(
        network,
        w[pairs.rest],
        pairs.c[pairs.rest],
        _look(base, pairs, plan),
        steps=max(1, steps),
        batch_size=pairs.batch_size,
        learning_rate=learning_rate,
        seed=plan.seed,
    )
    return network


def _look(base: GaussianBase, pairs: _Pairs, plan: Plan) -> HeldOut:
    theta, c = pairs.theta[pairs.held], pairs.c[pairs.held]
    return HeldOut(base.whiten(theta, c), c, plan.seed)


def _mean_log_density(base: GaussianBase, network: DenoiserNetwork, pairs: _Pairs) -> float:
    rows = pairs.held[:JUDGED]
    theta, c = pairs.theta[rows], pairs.c[rows]
    log_density = log_likelihood(network, base.whiten(theta, c), c) + base.log_slope(theta, c)
    return float(log_density.mean())
