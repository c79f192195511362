"""The learned likelihood: the likeliest of a few densities of data columns given theta."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from methods.contract.seeding import derive_seed
from methods.learning.denoising import validations
from methods.learning.networks import seeded
from methods.learning.training import train
from methods.likelihood.columns import Columns, LogColumns, candidate_columns
from methods.likelihood.coordinates import Coordinates
from methods.likelihood.densities import ConditionalDensity, FlowDensity, GaussianDensity, MixtureDensity
from methods.transforms.encoding import Encoding

__all__ = ["GAUSSIAN", "KINDS", "Kind", "LearnedLikelihood", "log_posterior"]

Kind = Literal["independent", "full", "mixture", "flow"]
GAUSSIAN: tuple[Kind, ...] = ("independent", "full")
KINDS: tuple[Kind, ...] = (*GAUSSIAN, "mixture", "flow")
WIDTH, DEPTH, RATE = 128, 5, 8e-3
COMPONENTS = 4
FEW, MEMBERS = 3000, 3  # With so few simulations the density is the mean of so many.
FEW_STEPS, FEW_BATCH = 1500, 64  # Small batches find better weights: with 256 the density overfits sooner.
STEPS, BATCH = 3000, 128
FULL = range(2, 31)  # Numbers of columns with which full covariances, mixtures and flows are tried.
RIDGE = 1e-6  # Penalty of the linear regression, relative to the number of simulations.
ROWS = 2500  # Rows evaluated at once, whose activations fit in a CPU's cache.


class _LinearRegression:
    """The residuals r = (columns - A f - b) / scale of a linear regression of columns on features f.

    Attributes:
        precision: Inverse covariance of the residuals, ``(dim, dim)``.
    """

    def __init__(self, f: Tensor, columns: Tensor) -> None:
        design = torch.cat([f, torch.ones_like(f[:, :1])], dim=1).double()
        penalty = RIDGE * len(f) * torch.eye(design.shape[1]).to(design)
        weights = torch.linalg.solve(design.T @ design + penalty, design.T @ columns.double())
        residual = columns.double() - design @ weights
        # Columns may be exact functions of theta. Their scale is then small, but not zero.
        scale = residual.std(dim=0).clamp_min(1e-4)
        covariance = torch.cov((residual / scale).T).reshape(len(scale), -1)
        covariance += 1e-6 * torch.eye(len(scale)).to(covariance)
        self.precision = torch.linalg.inv(covariance)
        self._slope, self._intercept = weights[:-1].float(), weights[-1].float()
        self.scale = scale.float()

    def __call__(self, columns: Tensor, f: Tensor) -> Tensor:
        return (columns - f @ self._slope - self._intercept) / self.scale


@dataclass(frozen=True)
class LearnedLikelihood:
    """A density of x given theta, learned from simulations.

    A linear regression on the features of theta is taken off first, so that a network has to learn only what
    is not linear and Gaussian. Before training it is the linear model, which is among the candidates.

    Attributes:
        coordinates: Coordinates and features of theta.
        columns: Map from x to the columns whose density is learned.
        regression: Linear regression of the columns on the features.
        members: Densities of the regression's residuals, whose mean is the density.
        kind: Kind of the densities.
        held_out: Mean log density of held-out x given theta, in nats, for each kind that was tried.
    """

    coordinates: Coordinates
    columns: Columns | LogColumns
    regression: _LinearRegression
    members: Sequence[ConditionalDensity]
    kind: Kind
    held_out: dict[str, float]

    @classmethod
    def fit(
        cls,
        prior: Distribution,
        theta: Tensor,
        x: Tensor,
        encode_x: Encoding,
        held: Tensor,
        rest: Tensor,
        seed: int,
        kinds: Sequence[Kind] = KINDS,
        steps: int = STEPS,
        members: int = MEMBERS,
    ) -> LearnedLikelihood:
        """Train each kind of density, and return the one under which held-out x are likeliest.

        Arguments:
            prior: Prior of theta.
            theta: Parameters, ``(K, dim_theta)``.
            x: Data, ``(K, dim_x)``.
            encode_x: Encoding of x.
            held: Numbers of the held-out rows.
            rest: Numbers of the rows to train on.
            seed: Seed for all randomness.
            kinds: Kinds to try, the first of them ``independent``. With one column or more than 30 only that
                is tried.
            steps: Maximum number of optimiser steps of a training. With few simulations it is at most 1500.
            members: Number of densities of the chosen kind, if simulations are few. With many there is one.
        """
        coordinates = Coordinates(prior, theta, seed)
        f = coordinates.of_theta(theta)

        def learned(kind: Kind, columns: Columns | LogColumns, member: int = 0) -> LearnedLikelihood:
            values = columns(x)
            regression = _LinearRegression(f[rest], values[rest])
            make = _maker(kind, regression.precision, f.shape[1])
            density = _trained(
                make, regression(values, f), f, held, rest, steps, derive_seed(kind, seed, member)
            )
            one = cls(coordinates, columns, regression, [density], kind, {})
            score = float((one.log_prob_of(x[held], f[held]) + columns.log_slope(x[held])).mean())
            name = f"{kind} of logarithms" if isinstance(columns, LogColumns) else kind
            return replace(one, held_out={name: score})

        first, *others = [kind for kind in kinds if kind == "independent" or encode_x.num_columns in FULL]
        tried = [learned(first, columns) for columns in candidate_columns(x, encode_x)]
        columns = max(tried, key=_likelihood).columns
        tried += [learned(kind, columns) for kind in others]
        best = max(tried, key=_likelihood)
        every = list(best.members)
        for member in range(1, members if len(theta) <= FEW else 1):
            every += learned(best.kind, best.columns, member).members
        scores = {name: score for one in tried for name, score in one.held_out.items()}
        return replace(best, members=every, held_out=scores)

    @property
    def diagnostics(self) -> dict[str, float | str]:
        """The kind of the density, and the mean log density of held-out x, in nats, of each kind tried."""
        scores = {f"log_density_x_{name.replace(' ', '_')}": score for name, score in self.held_out.items()}
        return {"likelihood": self.kind, **scores}

    @property
    def networks(self) -> list[list[nn.Module]]:
        """The networks of each member. Those of one member count as one evaluation."""
        return [member.networks for member in self.members]

    @torch.no_grad()
    def log_prob_of(self, x: Tensor, f: Tensor) -> Tensor:
        """Return log densities ``(N,)`` of x ``(N, dim_x)`` given features ``(N, dim_theta)``.

        They are in nats, in the units of the columns.
        """
        return self.log_density(self.columns(x), f)

    def log_density(self, columns: Tensor, f: Tensor) -> Tensor:
        """Return log densities of columns ``(..., dim)`` given features ``(..., dim_theta)``.

        The inputs broadcast. The densities are in nats, in the units of the columns.
        """
        r = self.regression(columns, f)
        every = torch.stack([member.log_prob(r, f) for member in self.members])
        mean = torch.logsumexp(every, dim=0) - math.log(len(self.members))
        return mean - self.regression.scale.log().sum()

    @torch.no_grad()
    def log_likelihood(self, u: Tensor, columns: Tensor) -> Tensor:
        """Return log densities ``(n, B)`` of columns ``(B, dim)`` at coordinates u ``(n, B, dim_theta)``."""
        rows = max(1, ROWS // len(columns))
        parts = [self.log_density(columns, self.coordinates.features(part)) for part in u.split(rows)]
        return torch.cat(parts).nan_to_num(nan=-torch.inf)


def _likelihood(one: LearnedLikelihood) -> float:
    """Return the held-out log density of a likelihood's only kind; one that is not finite is the least."""
    [value] = one.held_out.values()
    return value if math.isfinite(value) else -math.inf


def log_posterior(likelihood: LearnedLikelihood, columns: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the unnormalised log density of the posterior given columns ``(B, dim)``, in nats.

    It is a function of coordinates u ``(n, B, dim_theta)`` that returns ``(n, B)``.
    """

    def log_density(u: Tensor) -> Tensor:
        return likelihood.log_likelihood(u, columns) + likelihood.coordinates.log_prior(u)

    return log_density


def _maker(kind: Kind, precision: Tensor, dim_f: int) -> Callable[[], ConditionalDensity]:
    sizes = (len(precision), dim_f, WIDTH, DEPTH)
    if kind == "independent":
        return lambda: GaussianDensity(*sizes)
    if kind == "full":
        return lambda: GaussianDensity(*sizes, precision)
    if kind == "mixture":
        return lambda: MixtureDensity(*sizes, COMPONENTS, precision)
    return lambda: FlowDensity(len(precision), dim_f, WIDTH)


def _trained(
    make: Callable[[], ConditionalDensity],
    r: Tensor,
    f: Tensor,
    held: Tensor,
    rest: Tensor,
    steps: int,
    seed: int,
) -> ConditionalDensity:
    density = seeded(make, seed).to(r)

    def loss(r: Tensor, f: Tensor) -> Tensor:
        return -density.log_prob(r, f).mean() / r.shape[1]

    batch_size = BATCH
    if len(f) <= FEW:
        steps, batch_size = min(steps, FEW_STEPS), FEW_BATCH
    train(
        density,
        loss,
        (r[rest], f[rest]),
        steps=steps,
        batch_size=batch_size,
        learning_rate=RATE,
        seed=seed,
        validation=validations(lambda: float(loss(r[held], f[held])), steps),
    )
    return density
