"""Laplace's approximation of the posterior under a learned Gaussian likelihood.

For data c the mode of log p(c | u) + log p(u) is found in unbounded coordinates u by damped Gauss-Newton
steps (Levenberg, Marquardt). With whitened residuals v(u) = P(u) (c - m(u)) of the likelihood, log scales
s(u) and the prior's mean and precision Λ,

    gradient = J_vᵀ v + J_sᵀ 1 + Λ (u - mean),    H = (P J_m)ᵀ (P J_m) + 2 J_sᵀ J_s + Λ,

where H is the Fisher information for independent columns. Several densities of the same columns are averaged
in the logarithm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.func import jvp, vmap

from methods.likelihood.densities import ConditionalDensity, GaussianDensity, GaussianParts
from methods.likelihood.learned import LearnedLikelihood

__all__ = ["Laplace", "LocalGaussian"]

Residual = Callable[[Tensor], tuple[tuple[Tensor, ...], tuple[Tensor, ...]]]
STARTS = 4  # Number of simulations near to the data from which a search starts.
POOL = 2000  # Number of simulations among which the nearest are looked for.
STEPS = 30  # Maximum number of steps of a search.
GAIN = 1e-3  # Decrease of the objective, in nats, below which a search has converged.
FARTHEST, LONGEST = 6.0, 2.0  # Largest coordinate and largest change of a coordinate in one step.
FIRST_DAMPING, MOST_DAMPING = 1e-2, 1e5
EASIER, HARDER = 0.2, 5.0  # Factors of the damping after a step that is taken, and one that is not.
RELATIVE, MOST_PRECISE = 1e-6, 1e12  # Share added to the diagonal of a precision, and its largest value.
ROWS = 2048  # Searches at once, whose Jacobians fit in a CPU's cache.
APART = 1.0  # Difference or distance of two modes, in nats, from which on starts disagree.


class LocalGaussian(NamedTuple):
    """A Gaussian of coordinates u for each of B data.

    Attributes:
        mode: Modes, ``(B, dim)``.
        factor: Lower Cholesky factors of the precisions, ``(B, dim, dim)``.
        disagree: Whether searches from different starts ended at different modes, ``(B,)``.
    """

    mode: Tensor
    factor: Tensor
    disagree: Tensor


@dataclass(frozen=True)
class Laplace:
    """The search for modes under a likelihood of Gaussian densities.

    Arguments:
        likelihood: Learned likelihood, whose densities are Gaussian.
        u: Coordinates of the simulations from which searches start, ``(K, dim)``.
        columns: Columns of the same simulations, ``(K, dim_columns)``.
    """

    likelihood: LearnedLikelihood
    u: Tensor
    columns: Tensor

    @torch.no_grad()
    def __call__(self, columns: Tensor, starts: int = STARTS) -> LocalGaussian:
        """Return the Gaussians for data of columns ``(B, dim_columns)``, each the best of several starts."""
        found = [self._best(part, starts) for part in columns.split(max(1, ROWS // starts))]
        return LocalGaussian(*(torch.cat(parts) for parts in zip(*found, strict=True)))

    def _best(self, columns: Tensor, starts: int) -> LocalGaussian:
        pool = self.columns[:POOL]
        starts = min(starts, len(pool))
        nearest = torch.cdist(columns, pool).topk(starts, largest=False).indices
        first = self.u[nearest.flatten()].clamp(-0.5 * FARTHEST, 0.5 * FARTHEST)
        state = self._search(columns.repeat_interleave(starts, dim=0), first)
        u, value, precision = (part.unflatten(0, (-1, starts)) for part in state)
        best = value.argmin(dim=1)
        row = torch.arange(len(best), device=best.device)
        mode, precision = u[row, best], precision[row, best]
        # Modes that mirror each other are equally high, so their distance counts too.
        away = u - mode[:, None]
        distance = 0.5 * torch.einsum("bsi,bij,bsj->bs", away, precision, away)
        apart = torch.maximum(value - value.amin(dim=1, keepdim=True), distance).amax(dim=1) > APART
        return LocalGaussian(mode, _factors(precision), apart)

    def _search(self, columns: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return modes, the objective there and the precisions, of searches from u for data each."""
        value, gradient, precision = self._expand(columns, u)
        damping = torch.full_like(value, FIRST_DAMPING)
        active = torch.arange(len(u), device=u.device)
        for _ in range(STEPS):
            now = precision[active]
            damped = now + torch.diag_embed(damping[active, None] * now.diagonal(dim1=1, dim2=2))
            step, _ = torch.linalg.solve_ex(damped, gradient[active, :, None])
            step = step[..., 0].nan_to_num(nan=0.0).clamp(-LONGEST, LONGEST)
            tried = (u[active] - step).clamp(-FARTHEST, FARTHEST)
            new = self._expand(columns[active], tried)
            gain = value[active] - new[0]
            is_taken = gain > 0.0
            taken = active[is_taken]
            u[taken] = tried[is_taken]
            for old, values in zip((value, gradient, precision), new, strict=True):
                old[taken] = values[is_taken]
            damping[active] *= torch.where(is_taken, EASIER, HARDER)
            done = (is_taken & (gain < GAIN)) | (damping[active] > MOST_DAMPING)
            active = active[~done]
            if not len(active):
                break
        return u, value, precision

    def _expand(self, columns: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the objective ``(N,)``, its gradient ``(N, dim)`` and the precisions ``(N, dim, dim)``."""
        coordinates = self.likelihood.coordinates
        deviation = u - coordinates.mean
        prior = deviation @ coordinates.precision
        value = 0.5 * (prior * deviation).sum(1)
        gradient, precision = prior, coordinates.precision.expand(len(u), -1, -1)
        directions = torch.eye(u.shape[1]).to(u)[:, None, :].expand(-1, len(u), -1)
        share = 1.0 / len(self.likelihood.members)
        for member in self.likelihood.members:
            residual = partial(self._residual, member, columns)

            def expand(way: Tensor, f: Residual = residual) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
                found: Any = jvp(f, (u,), (way,), has_aux=True)
                values, slopes, below = found
                return (*values, *below), slopes

            # The values are the same for all directions, so they are computed once.
            out_dims: Any = (None, 0)
            values, (of_difference, of_v, of_scale) = vmap(expand, out_dims=out_dims)(directions)
            _, v, log_scale, *below = values
            white = GaussianParts(v, log_scale, below[0] if below else None).whiten(of_difference)
            value = value + share * (0.5 * v.square().sum(1) + log_scale.sum(1))
            gradient = gradient + share * torch.einsum("dnk,nk->nd", of_v, v)
            gradient = gradient + share * of_scale.sum(-1).T
            precision = precision + share * torch.einsum("dnk,enk->nde", white, white)
            precision = precision + 2.0 * share * torch.einsum("dnk,enk->nde", of_scale, of_scale)
        return value, gradient, precision

    def _residual(
        self, member: ConditionalDensity, columns: Tensor, u: Tensor
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return differences from the mean, whitened ones and log scales at coordinates u, ``(N, dim)``.

        Beside them are the matrices below the diagonal, if there are any.
        """
        f = self.likelihood.coordinates.features(u)
        parts = self._gaussian(member, f)
        difference = self.likelihood.regression(columns, f) - parts.mean
        below = () if parts.below is None else (parts.below,)
        return (difference, parts.whiten(difference), parts.log_scale), below

    def _gaussian(self, member: ConditionalDensity, f: Tensor) -> GaussianParts:
        if not isinstance(member, GaussianDensity):
            raise TypeError(f"Laplace's approximation needs Gaussian densities, not {type(member).__name__}")
        return member.gaussian(f)


def _factors(precision: Tensor) -> Tensor:
    """Return lower Cholesky factors of precisions ``(B, dim, dim)``, float32.

    A precision that is singular to machine precision, or not finite, is replaced by its diagonal.
    """
    values = precision.double().nan_to_num(nan=0.0, posinf=MOST_PRECISE, neginf=0.0)
    diagonal = values.diagonal(dim1=1, dim2=2).clamp(1.0 / MOST_PRECISE, MOST_PRECISE)
    factor, info = torch.linalg.cholesky_ex(values + torch.diag_embed(RELATIVE * diagonal))
    is_bad = (info != 0) | ~factor.isfinite().flatten(1).all(1)
    return factor.where(~is_bad[:, None, None], torch.diag_embed(diagonal.sqrt())).float()
