"""The Gaussian base of a denoiser: a linear regression of theta on x and the covariance of its residuals.

A :class:`ConditionalGaussian` may whiten the residuals further. In whitened residuals the base is a standard
normal, whose diffusion is known exactly, so a network has to learn only what is not linear and Gaussian. The
base is cheap to fit, so it also serves to choose the coordinates of theta: those with the highest
cross-validated likelihood are used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from methods.contract.seeding import derive_seed
from methods.denoiser.conditional import ConditionalGaussian
from methods.denoiser.relevance import relevant_columns
from methods.denoiser.selection import clearly_better, learned_log_density
from methods.transforms.encoding import Encoding
from methods.transforms.standardizer import Standardizer
from methods.transforms.unbounded import Unbounded

__all__ = ["ALPHAS", "BLENDS", "GaussianBase"]

ALPHAS = np.logspace(-3, 4, 20)  # Candidate penalties of the ridge regression.
BLENDS = (0.02, 0.1, 0.3, 1.0)
FEW = 30  # Number of varying columns of x up to which none is dropped.
# With more columns than MANY, the penalty is chosen on so many simulations, since the cost is large.
MANY, MANY_ROWS = 128, 2000
FOLDS = 10


@dataclass(frozen=True)
class GaussianBase:
    """The map u = A c + b + L w from whitened residuals w to coordinates u of theta, given encoded data c.

    Attributes:
        unbounded: Map from theta to unbounded coordinates.
        scale: Standardizer of the coordinates.
        encode_x: Encoding of x.
        slope: Matrix A, ``(dim_theta, dim_c)``.
        intercept: Vector b, ``(dim_theta,)``.
        cholesky: Lower triangular matrix L, ``(dim_theta, dim_theta)``.
        log_likelihood: Mean cross-validated log density of theta given x, in nats, in the units of theta.
        conditional: Gaussian that whitens the residuals w further, or None.
    """

    unbounded: Unbounded
    scale: Standardizer
    encode_x: Encoding
    slope: Tensor
    intercept: Tensor
    cholesky: Tensor
    log_likelihood: float
    conditional: ConditionalGaussian | None = None

    @classmethod
    def fit(cls, prior: Distribution, theta: Tensor, x: Tensor, seed: int = 0) -> GaussianBase:
        """Fit the base.

        How strongly parameters on intervals are stretched (the blend of :class:`Unbounded`) is chosen by
        cross-validated likelihood.

        If x has more than 30 columns, some of which appear irrelevant to theta, these may be dropped, because
        a network needs far more simulations to find the relevant columns among many columns of noise. They
        are dropped only if that clearly raises the likelihood of a learned density on simulations that it was
        not fitted on.

        Arguments:
            prior: Prior whose support bounds theta.
            theta: Parameters, ``(K, dim_theta)``.
            x: Data, ``(K, dim_x)``.
            seed: Seed for the folds.
        """
        whole = _best(prior, theta, x, Encoding(x), seed)
        if whole.encode_x.num_columns <= FEW:
            return whole
        relevant = relevant_columns(theta, x)
        if relevant.all() or not relevant.any():
            return whole
        part = _best(prior, theta, x, Encoding(x, relevant), seed)
        densities = [_judged(base, theta, x, seed) for base in (part, whole)]
        return part if clearly_better(*densities) else whole

    def on_top(self, conditional: ConditionalGaussian | None) -> GaussianBase:
        """Return the same base with another conditional Gaussian, or without one."""
        return replace(self, conditional=conditional)

    def whiten(self, theta: Tensor, c: Tensor) -> Tensor:
        """Return residuals w ``(N, dim_theta)``, float32, of theta given encoded data c ``(N, dim_c)``."""
        u = self.scale(self.unbounded(theta))
        slope, intercept, cholesky = (part.to(u.device) for part in self._parts)
        residual = u - c.double() @ slope.T - intercept
        w = torch.linalg.solve_triangular(cholesky, residual.T, upper=False).T.float()
        if self.conditional is None:
            return w
        with torch.no_grad():
            return self.conditional.whiten(w, c)

    def log_slope(self, theta: Tensor, c: Tensor) -> Tensor:
        """Return log |dw / dtheta|, ``(N,)``. The log density of theta is that of w plus this."""
        linear = self.scale.std.log().sum() + self.cholesky.diagonal().log().sum()
        slope = (self.unbounded.log_slope(theta) - linear.to(theta.device)).float()
        if self.conditional is None:
            return slope
        with torch.no_grad():
            return slope + self.conditional.log_slope(c)

    def theta(self, w: Tensor, c: Tensor) -> Tensor:
        """Return theta ``(..., dim_theta)`` for residuals w and c ``(..., dim_c)``, which broadcast."""
        slope, intercept, cholesky = (part.to(w.device) for part in self._parts)
        if self.conditional is not None:
            with torch.no_grad():
                w = self.conditional.colour(w, c)
        centre = self.scale.inverse(c.double() @ slope.T + intercept)
        spread = cholesky * self.scale.std[:, None].to(w.device)
        return self.unbounded.inverse(w @ spread.T.to(w) + centre.to(w))

    @property
    def dim_theta(self) -> int:
        """Number of parameters."""
        return len(self.slope)

    @property
    def device(self) -> torch.device:
        """Device of the tensors."""
        return self.slope.device

    @property
    def diagnostics(self) -> dict[str, float | str]:
        """The kind of this base."""
        return {"base": "gaussian" if self.conditional is None else "conditional gaussian"}

    @property
    def plain_encoding(self) -> Encoding:
        """The encoding of x, to which nothing is appended."""
        return self.encode_x

    @property
    def networks(self) -> list[nn.Module]:
        """The networks that :meth:`theta` runs: the one of the conditional Gaussian, if it is used."""
        return [] if self.conditional is None else [self.conditional.mlp]

    @property
    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.slope, self.intercept, self.cholesky


def _best(prior: Distribution, theta: Tensor, x: Tensor, encode_x: Encoding, seed: int) -> GaussianBase:
    """Return the base whose coordinates have the highest cross-validated likelihood."""
    blends = BLENDS if Unbounded(prior).is_interval else BLENDS[:1]
    fits = [_fit(Unbounded(prior, blend), theta, x, encode_x, seed) for blend in blends]
    return max(fits, key=lambda base: base.log_likelihood)


def _judged(base: GaussianBase, theta: Tensor, x: Tensor, seed: int) -> Tensor:
    """Return held-out log densities of a density that is learned on a base like this one."""

    def fit(rows: Tensor) -> GaussianBase:
        return _fit(base.unbounded, theta[rows], x[rows], base.encode_x, seed)

    return learned_log_density(fit, theta, base.encode_x(x), seed)


def _fit(unbounded: Unbounded, theta: Tensor, x: Tensor, encode_x: Encoding, seed: int) -> GaussianBase:
    from sklearn.linear_model import Ridge, RidgeCV
    from sklearn.model_selection import KFold, cross_val_predict

    u = unbounded(theta)
    scale = Standardizer.fit(u)
    target, c = scale(u).cpu().numpy(), encode_x(x).double().cpu().numpy()
    rows = MANY_ROWS if c.shape[1] > MANY else len(c)
    model = Ridge(alpha=RidgeCV(alphas=ALPHAS).fit(c[:rows], target[:rows]).alpha_)
    folds = KFold(min(FOLDS, len(c)), shuffle=True, random_state=derive_seed("folds of the base", seed))
    # The residuals are cross-validated, since residuals on the training set would be too small.
    residual = target - cross_val_predict(model, c, target, cv=folds).reshape(target.shape)
    cholesky = np.linalg.cholesky(np.cov(residual.T).reshape(target.shape[1], -1))
    white = np.linalg.solve(cholesky, residual.T)
    log_density = -0.5 * np.square(white).sum(axis=0) - np.log(np.diag(cholesky)).sum()
    log_density -= 0.5 * len(white) * np.log(2.0 * np.pi)
    to_theta = unbounded.log_slope(theta).mean() - scale.std.log().sum()
    model.fit(c, target)

    def tensor(values: np.ndarray) -> Tensor:
        return torch.as_tensor(values, dtype=torch.float64, device=theta.device)

    return GaussianBase(
        unbounded,
        scale,
        encode_x,
        slope=tensor(model.coef_).reshape(target.shape[1], -1),
        intercept=tensor(model.intercept_).reshape(-1),
        cholesky=tensor(cholesky),
        log_likelihood=float(log_density.mean() + to_theta),
    )
