"""Training of a denoiser, first on emulated simulations as a head start, then on the simulations."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

from torch import Tensor
from torch.distributions import Distribution

from methods.contract.seeding import derive_seed
from methods.denoiser.density import JUDGED, RATE, gaussian_log_density, learn_density, learn_gaussian
from methods.denoiser.emulator import Emulator
from methods.denoiser.gaussian_base import MANY, GaussianBase
from methods.denoiser.likelihood import log_likelihood
from methods.denoiser.local_base import LocalBase
from methods.denoiser.selection import MOST, clearly_better
from methods.learning.denoiser_network import DenoiserNetwork
from methods.learning.denoising import HeldOut, learn, split
from methods.learning.sizes import Sizes

__all__ = ["DenoiserSettings", "FittedDenoiser", "fit_denoiser"]

Base = GaussianBase | LocalBase
TUNING_RATE = RATE / 4
# Minimum number of epochs, as far as the longest training in the settings allows. At 10 000 simulations 57
# were too few.
TUNING_EPOCHS = 110
# Rows of a step: on simulations, on ones that many simulations emulate, and on ones that few emulate, which
# are not worth large batches.
BATCH, LARGE_BATCH, FEW_BATCH = 256, 512, 256
FEW = 3000  # Largest number of simulations that are few.
JUDGE_STEPS = 750  # Maximum number of steps of the Gaussian with which a local base is compared.
# Mean gain in nats, of at most MOST for a simulation, with which a local base is taken without a comparison
# with what a denoiser makes of the plain base.
FAR_AHEAD = 2.0
SEVERAL = 0.5  # Share of simulations with several modes above which a local base is left out.
FARTHEST = 10.0  # Largest residual in training: that of a simulation whose mode the local base misses.
EMULATOR_DEPTH = 3  # The emulator learns from far fewer pairs than the denoiser.


@dataclass(frozen=True)
class DenoiserSettings:
    """Sizes of the networks and lengths of their training.

    Arguments:
        width: Number of units in a hidden layer.
        depth: Number of hidden layers of the denoiser. The emulator has at most :data:`EMULATOR_DEPTH`.
        steps: Maximum number of optimiser steps of the longest training.
        emulated: Number of simulations to emulate; 0 for none.
        seed: Seed for all randomness.
    """

    width: int = 128
    depth: int = 5
    steps: int = 4000
    emulated: int = 60_000
    seed: int = 0

    def sizes(self, stage: str, steps: int, batch_size: int) -> Sizes:
        """Return sizes for the network of one stage, with a separate seed derived from the stage's name."""
        return Sizes(self.width, self.depth, steps, batch_size, derive_seed(stage, self.seed))


@dataclass(frozen=True)
class FittedDenoiser:
    """A trained denoiser and its base.

    Attributes:
        base: Gaussian base, which maps theta to the residuals that the denoiser models.
        network: The denoiser.
        log_likelihood: Mean log density of held-out theta given their x, in nats.
        held: Numbers of the held-out simulations.
        rest: Numbers of the others.
    """

    base: Base
    network: DenoiserNetwork
    log_likelihood: float
    held: Tensor
    rest: Tensor


@dataclass(frozen=True)
class _Pairs:
    """Pairs of theta and encoded data c, split into held-out rows and the rest."""

    theta: Tensor
    c: Tensor
    held: Tensor
    rest: Tensor
    batch_size: int


def fit_denoiser(prior: Distribution, theta: Tensor, x: Tensor, settings: DenoiserSettings) -> FittedDenoiser:
    """Fit the base and the network on simulations theta ``(K, dim_theta)`` and x ``(K, dim_x)``.

    A tenth of the simulations (at most 2000) is held out. An :class:`Emulator` is trained on the rest and
    makes many more pairs, from which :func:`learn_density` learns the density. The network is then trained
    further on the simulations themselves. The result of this tuning is kept if the held-out loss falls by
    more than the standard error of the difference. Data of more than 128 columns are not emulated.
    On a :class:`LocalBase` nothing is emulated, and the network learns from the simulations alone. If it is
    not far ahead, both bases get their network, and the one under which held-out theta are likelier is taken.
    """
    held, rest = (rows.to(x.device) for rows in split(len(x), settings.seed))
    plain = GaussianBase.fit(prior, theta, x, settings.seed)
    local, is_far_ahead = _local_base(prior, theta, x, plain, held, rest, settings)
    if local is None:
        return _fitted(prior, plain, theta, x, held, rest, settings)[0]
    fitted, density = _fitted(prior, local, theta, x, held, rest, settings)
    if is_far_ahead:
        return fitted
    other, other_density = _fitted(prior, plain, theta, x, held, rest, settings)
    gain = (density - other_density).nan_to_num(nan=-MOST).clamp(-MOST, MOST)
    return fitted if gain.mean() > 0.0 else other


def _fitted(
    prior: Distribution,
    base: Base,
    theta: Tensor,
    x: Tensor,
    held: Tensor,
    rest: Tensor,
    settings: DenoiserSettings,
) -> tuple[FittedDenoiser, Tensor]:
    """Return the denoiser on a base, and the log densities of held-out theta, in nats."""
    real = _Pairs(theta, base.encode_x(x), held, rest, BATCH)
    # On a local base little is left to learn, and the simulations are enough for that.
    # The emulator's Gaussian has a covariance between all columns, and its likelihood a divergence over them.
    is_emulated = (
        settings.emulated > 0 and isinstance(base, GaussianBase) and base.encode_x.num_columns <= MANY
    )
    wide = _emulated(prior, base, real, x, settings) if is_emulated else real
    w = base.whiten(wide.theta, wide.c)
    if isinstance(base, LocalBase):
        w = w.clamp(-FARTHEST, FARTHEST)
    stage = "denoiser on the local base" if isinstance(base, LocalBase) else "denoiser"
    sizes = settings.sizes(stage, settings.steps, wide.batch_size)
    learned = learn_density(w, wide.c, wide.held, wide.rest, sizes)
    base, network = base.on_top(learned.conditional), learned.network
    if is_emulated:
        network = _tuned(base, network, real, settings)
    density = _log_density(base, network, real)
    return FittedDenoiser(base, network, float(density.mean()), held, rest), density


def _local_base(
    prior: Distribution,
    theta: Tensor,
    x: Tensor,
    plain: GaussianBase,
    held: Tensor,
    rest: Tensor,
    settings: DenoiserSettings,
) -> tuple[LocalBase | None, bool]:
    """Return the local base, or None, and whether it is far ahead of a learned Gaussian on the plain base.

    There is one if held-out theta are clearly likelier under it than under the Gaussian. Where searches from
    different starts mostly end at different modes, the posterior has several, which one Gaussian cannot be
    near to. The local base is then not even considered.
    """
    if plain.encode_x.num_columns > MANY:
        return None, False
    c = plain.encode_x(x)
    w = plain.whiten(theta, c)
    sizes = settings.sizes("judge of the base", min(settings.steps, JUDGE_STEPS), BATCH)
    gaussian = learn_gaussian(w, c, held, rest, sizes)
    density = gaussian_log_density(gaussian, w[held], c[held]) + plain.log_slope(theta[held], c[held])

    def found(is_trial: bool) -> tuple[LocalBase, Tensor]:
        seed = derive_seed("trial of the local base" if is_trial else "local base", settings.seed)
        local = LocalBase.fit(
            prior, theta, x, plain.encode_x, held, rest, seed, settings.steps, is_trial=is_trial
        )
        return local, local.log_density(theta[held], local.encode_x(x[held]))

    # Most posteriors are too far from a Gaussian, which a short training shows.
    local, local_density = found(is_trial=True)
    if local.disagree > SEVERAL or clearly_better(density, local_density):
        return None, False
    local, local_density = found(is_trial=False)
    if local.disagree > SEVERAL or not clearly_better(local_density, density):
        return None, False
    return local, bool((local_density - density).clamp(-MOST, MOST).mean() > FAR_AHEAD)


def _tuned(
    base: Base, network: DenoiserNetwork, pairs: _Pairs, settings: DenoiserSettings
) -> DenoiserNetwork:
    """Return the network after training on pairs, or unchanged if the training does not clearly help."""
    w, c, held, rest = base.whiten(pairs.theta, pairs.c), pairs.c, pairs.held, pairs.rest
    seed = derive_seed("tuning", settings.seed)
    held_out = HeldOut(w[held], c[held], seed)
    before, tuned = held_out.losses(network), copy.deepcopy(network)
    wanted = TUNING_EPOCHS * len(rest) // pairs.batch_size
    steps = min(max(settings.steps // 2, wanted), settings.steps)
    options = {"steps": steps, "batch_size": pairs.batch_size, "seed": seed}
    learn(tuned, w[rest], c[rest], held_out, learning_rate=TUNING_RATE, **options)
    gain = before - held_out.losses(tuned)
    return tuned if gain.mean() > gain.std() / len(gain) ** 0.5 else network


def _emulated(prior: Distribution, base: Base, real: _Pairs, x: Tensor, settings: DenoiserSettings) -> _Pairs:
    columns = base.encode_x.gaussian(x)
    depth = min(settings.depth, EMULATOR_DEPTH)
    sizes = replace(settings.sizes("emulator", settings.steps // 2, real.batch_size), depth=depth)
    emulator = Emulator(prior, real.theta, columns, real.held, real.rest, sizes)
    theta, columns = emulator.sample(settings.emulated)
    c = base.encode_x.widen(columns)
    held, rest = (rows.to(c.device) for rows in split(len(c), derive_seed("emulated", settings.seed)))
    return _Pairs(theta, c, held, rest, FEW_BATCH if len(x) <= FEW else LARGE_BATCH)


def _log_density(base: Base, network: DenoiserNetwork, pairs: _Pairs) -> Tensor:
    rows = pairs.held[:JUDGED]
    theta, c = pairs.theta[rows], pairs.c[rows]
    return log_likelihood(network, base.whiten(theta, c), c) + base.log_slope(theta, c)
