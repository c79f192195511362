"""The local base of a denoiser: Laplace's approximation of the posterior under a learned likelihood.

Where the posterior is narrow, the map from theta to x is far simpler than the map from x to the posterior.
Then a likelihood learned from few simulations gives a better Gaussian than a regression of theta on x. It
costs a search for the mode for each x, but nothing for each sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from methods.contract.seeding import derive_seed
from methods.denoiser.conditional import ConditionalGaussian
from methods.likelihood import GAUSSIAN, LearnedLikelihood
from methods.likelihood.columns import LogColumns
from methods.likelihood.laplace import Laplace
from methods.transforms.encoding import Encoding
from methods.transforms.standardizer import Standardizer
from methods.transforms.unbounded import Unbounded

__all__ = ["LocalBase", "LocalEncoding"]

FEW_STARTS = 2  # Number of starts of a search for the many simulations; others have more.
# Number of simulations that give the scale of modes and precisions, and the same in a trial.
SCALED, TRIAL_SCALED = 1000, 100
FEW = 2000  # Number of data up to which a search has all starts.
JUDGED = 200  # Number of held-out simulations whose searches are compared.
TRIAL_STEPS = 500  # Number of optimiser steps of a trial.
OUTLIER = 4.0  # Largest residual that counts in their spread; beyond it a search has missed the mode.


class LocalEncoding:
    """An encoding of x, followed by the mode and the precision of its Laplace approximation.

    Arguments:
        plain: Encoding of x.
        laplace: Search for modes.
        x: Data of simulations, ``(K, dim_x)``, which give the scale of the numbers that are appended.

    Attributes:
        plain: Encoding of x.
    """

    def __init__(self, plain: Encoding, laplace: Laplace, x: Tensor) -> None:
        self.plain, self._laplace = plain, laplace
        self._dim = laplace.u.shape[1]
        self._scale = Standardizer.identity(x.new_zeros(1, self._dim * (self._dim + 3) // 2))
        packed = self(x)[:, -self._scale.mean.shape[0] :]
        self._scale = Standardizer.fit(packed)

    @property
    def num_columns(self) -> int:
        """Number of columns of x that vary and may be used."""
        return self.plain.num_columns

    def __call__(self, x: Tensor) -> Tensor:
        """Encode x ``(N, dim_x)`` as ``(N, dim_c)``, float32."""
        return torch.cat([self.plain(x), self._packed(self._laplace.likelihood.columns(x))], dim=1)

    def gaussian(self, x: Tensor) -> Tensor:
        """Return the same columns as the plain encoding."""
        return self.plain.gaussian(x)

    def widen(self, columns: Tensor) -> Tensor:
        """Return columns of :meth:`gaussian` with everything that is appended, ``(N, dim_c)``."""
        values = columns
        if isinstance(self._laplace.likelihood.columns, LogColumns):
            values = self._laplace.likelihood.columns.of_used(self.plain.inverse(columns))
        return torch.cat([self.plain.widen(columns), self._packed(values)], dim=1)

    def unpacked(self, c: Tensor) -> tuple[Tensor, Tensor]:
        """Return modes ``(..., dim)`` and precision factors ``(..., dim, dim)`` from encoded x."""
        dim = self._dim
        numbers = self._scale.inverse(c[..., -dim * (dim + 3) // 2 :])
        mode, log_diagonal, below = numbers.split([dim, dim, dim * (dim - 1) // 2], dim=-1)
        factor = torch.diag_embed(torch.ones_like(mode))
        row, column = torch.tril_indices(dim, dim, -1, device=c.device)
        factor[..., row, column] = below
        return mode, factor * log_diagonal.exp()[..., None, :]

    def _packed(self, columns: Tensor) -> Tensor:
        starts = {} if len(columns) <= FEW else {"starts": FEW_STARTS}
        mode, factor, _ = self._laplace(columns, **starts)
        diagonal = factor.diagonal(dim1=1, dim2=2)
        row, column = torch.tril_indices(self._dim, self._dim, -1, device=columns.device)
        below = (factor / diagonal[:, None, :])[:, row, column]
        return self._scale(torch.cat([mode, diagonal.log(), below], dim=1))


@dataclass(frozen=True)
class LocalBase:
    """The map u = mode(x) + L(x)⁻ᵀ diag(spread) w from whitened residuals w to coordinates u of theta.

    Attributes:
        unbounded: Map from theta to unbounded coordinates.
        encode_x: Encoding of x, which holds mode and L.
        likelihood: Learned likelihood.
        spread: Size of the residuals before they are divided by it, ``(dim_theta,)``. It is above 1 if the
            likelihood is too sure of itself.
        disagree: Share of held-out simulations whose searches from different starts ended at different modes.
        conditional: Gaussian that whitens the residuals w further, or None.
    """

    unbounded: Unbounded
    encode_x: LocalEncoding
    likelihood: LearnedLikelihood
    spread: Tensor
    disagree: float
    conditional: ConditionalGaussian | None = None

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
        steps: int,
        is_trial: bool = False,
    ) -> LocalBase:
        """Learn the likelihood and find the modes of all simulations.

        Arguments:
            prior: Prior of theta.
            theta: Parameters, ``(K, dim_theta)``.
            x: Data, ``(K, dim_x)``.
            encode_x: Encoding of x.
            held: Numbers of the held-out rows, which choose the kind of likelihood.
            rest: Numbers of the rows to train on.
            seed: Seed for all randomness.
            steps: Maximum number of optimiser steps of a training.
            is_trial: Whether to train one density of the simplest kind only, and not for long.
        """
        size: dict[str, Any] = {"kinds": GAUSSIAN, "steps": steps}
        if is_trial:
            size = {"kinds": GAUSSIAN[:1], "steps": min(steps, TRIAL_STEPS), "members": 1}
        likelihood = LearnedLikelihood.fit(
            prior, theta, x, encode_x, held, rest, derive_seed("local likelihood", seed), **size
        )
        coordinates, columns = likelihood.coordinates, likelihood.columns
        laplace = Laplace(likelihood, coordinates(theta[rest]), columns(x[rest]))
        encoding = LocalEncoding(encode_x, laplace, x[rest][: TRIAL_SCALED if is_trial else SCALED])
        disagree = laplace(columns(x[held][:JUDGED])).disagree.float().mean()
        base = cls(Unbounded(prior), encoding, likelihood, torch.ones_like(theta[0]), float(disagree))
        w = base.whiten(theta[held], encoding(x[held]))
        return replace(base, spread=w.clamp(-OUTLIER, OUTLIER).square().mean(0).sqrt())

    def on_top(self, conditional: ConditionalGaussian | None) -> LocalBase:
        """Return the same base with another conditional Gaussian, or without one."""
        return replace(self, conditional=conditional)

    def whiten(self, theta: Tensor, c: Tensor) -> Tensor:
        """Return residuals w ``(N, dim_theta)``, float32, of theta given encoded data c ``(N, dim_c)``."""
        mode, factor = self.encode_x.unpacked(c)
        difference = self.unbounded(theta).float() - mode
        w = (factor * difference[..., :, None]).sum(-2) / self.spread
        if self.conditional is None:
            return w
        with torch.no_grad():
            return self.conditional.whiten(w, c)

    def log_slope(self, theta: Tensor, c: Tensor) -> Tensor:
        """Return log |dw / dtheta|, ``(N,)``. The log density of theta is that of w plus this."""
        _, factor = self.encode_x.unpacked(c)
        slope = self.unbounded.log_slope(theta).float() + factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        slope = slope - self.spread.log().sum()
        if self.conditional is None:
            return slope
        with torch.no_grad():
            return slope + self.conditional.log_slope(c)

    def theta(self, w: Tensor, c: Tensor) -> Tensor:
        """Return theta ``(..., dim_theta)`` for residuals w and c ``(..., dim_c)``, which broadcast."""
        mode, factor = self.encode_x.unpacked(c)
        if self.conditional is not None:
            with torch.no_grad():
                w = self.conditional.colour(w, c)
        identity = torch.eye(self.dim_theta).to(factor).expand_as(factor)
        spread = torch.linalg.solve_triangular(factor, identity, upper=False).mT * self.spread
        return self.unbounded.inverse(mode + (spread * w[..., None, :]).sum(-1))

    def log_density(self, theta: Tensor, c: Tensor) -> Tensor:
        """Return the log density ``(N,)`` of theta given c if w is a standard normal, in nats."""
        w = self.whiten(theta, c)
        normal = -0.5 * w.square().sum(1) - 0.5 * self.dim_theta * math.log(2.0 * math.pi)
        return normal + self.log_slope(theta, c)

    @property
    def dim_theta(self) -> int:
        """Number of parameters."""
        return len(self.spread)

    @property
    def device(self) -> torch.device:
        """Device of the tensors."""
        return self.spread.device

    @property
    def diagnostics(self) -> dict[str, float | str]:
        """The kind of this base, and what its likelihood says of itself."""
        own = {f"base_{name}": value for name, value in self.likelihood.diagnostics.items()}
        return {"base": "local", "base_disagree": self.disagree, **own}

    @property
    def plain_encoding(self) -> Encoding:
        """The encoding of x, without mode and precision."""
        return self.encode_x.plain

    @property
    def networks(self) -> list[nn.Module]:
        """The networks that encoding and :meth:`theta` run."""
        likelihood = [network for member in self.likelihood.networks for network in member]
        return [*likelihood, *([] if self.conditional is None else [self.conditional.mlp])]
