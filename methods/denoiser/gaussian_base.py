"""The Gaussian that a denoiser starts from: a linear regression of theta on x, and its residuals' covariance,
with or without a :class:`ConditionalGaussian` of the residuals.

In whitened residuals the base is a standard normal, whose diffusion is known exactly; a network has to learn
only what is not linear and Gaussian. The base is also cheap enough to choose by: of the coordinates of theta,
those are taken under which theta is likeliest, cross-validated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from methods.contract.seeding import derive_seed
from methods.denoiser.conditional import ConditionalGaussian
from methods.denoiser.relevance import relevant_columns
from methods.transforms.encoding import Encoding
from methods.transforms.standardizer import Standardizer
from methods.transforms.unbounded import Unbounded

__all__ = ["ALPHAS", "BLENDS", "GaussianBase"]

ALPHAS = np.logspace(-3, 4, 20)  # penalties that the regression chooses from
BLENDS = (0.02, 0.1, 0.3, 1.0)
FOLDS = 10


@dataclass(frozen=True)
class GaussianBase:
    """u = A c + b + L w: coordinates u of theta, encoded x c, whitened residuals w.

    Attributes:
        unbounded: Map of theta to coordinates.
        scale: Standardises them.
        encode_x: What is seen of x.
        slope: A, ``(dim_theta, dim_c)``.
        intercept: b, ``(dim_theta,)``.
        cholesky: L, ``(dim_theta, dim_theta)``, lower triangular.
        log_likelihood: Mean log density of held-out theta in nats, in the units of theta.
        conditional: What is done to the residuals after that, if anything.
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
        """The base; for a prior on intervals the likeliest of all blends.

        Columns of x that look irrelevant are left out where theta is no less likely without them: among
        many columns of noise a network takes far more simulations to find the others.

        Arguments:
            prior: Whose support bounds theta.
            theta: ``(K, dim_theta)``.
            x: ``(K, dim_x)``.
            seed: Of the folds.
        """
        blends = BLENDS if Unbounded(prior).is_interval else BLENDS[:1]
        relevant = relevant_columns(theta, x)
        encodings = [Encoding(x)]
        if relevant.any() and not relevant.all():
            encodings.insert(0, Encoding(x, relevant))
        every = product(encodings, blends)
        fits = [_fit(Unbounded(prior, blend), theta, x, encode_x, seed) for encode_x, blend in every]
        return max(fits, key=lambda base: base.log_likelihood)

    def on_top(self, conditional: ConditionalGaussian | None) -> GaussianBase:
        """The same base with its residuals whitened further, or not."""
        return replace(self, conditional=conditional)

    def whiten(self, theta: Tensor, c: Tensor) -> Tensor:
        """Residuals w ``(N, dim_theta)`` of theta given encoded x ``(N, dim_c)``, float32."""
        u = self.scale(self.unbounded(theta))
        slope, intercept, cholesky = (part.to(u.device) for part in self._parts)
        residual = u - c.double() @ slope.T - intercept
        w = torch.linalg.solve_triangular(cholesky, residual.T, upper=False).T.float()
        if self.conditional is None:
            return w
        with torch.no_grad():
            return self.conditional.whiten(w, c)

    def log_slope(self, theta: Tensor, c: Tensor) -> Tensor:
        """Log |dw / dtheta|, ``(N,)``: densities of theta are those of w times this."""
        linear = self.scale.std.log().sum() + self.cholesky.diagonal().log().sum()
        slope = (self.unbounded.log_slope(theta) - linear.to(theta.device)).float()
        if self.conditional is None:
            return slope
        with torch.no_grad():
            return slope + self.conditional.log_slope(c)

    def theta(self, w: Tensor, c: Tensor) -> Tensor:
        """Theta ``(..., dim_theta)`` of residuals w and encoded x ``(..., dim_c)``, which broadcast."""
        slope, intercept, cholesky = (part.to(w.device) for part in self._parts)
        if self.conditional is not None:
            with torch.no_grad():
                w = self.conditional.colour(w, c)
        centre = self.scale.inverse(c.double() @ slope.T + intercept)
        spread = cholesky * self.scale.std[:, None].to(w.device)
        return self.unbounded.inverse(w @ spread.T.to(w) + centre.to(w))

    @property
    def networks(self) -> list[nn.Module]:
        """What :meth:`theta` runs: the network of the conditional Gaussian, if there is one."""
        return [] if self.conditional is None else [self.conditional.mlp]

    @property
    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.slope, self.intercept, self.cholesky


def _fit(unbounded: Unbounded, theta: Tensor, x: Tensor, encode_x: Encoding, seed: int) -> GaussianBase:
    from sklearn.linear_model import Ridge, RidgeCV
    from sklearn.model_selection import KFold, cross_val_predict

    u = unbounded(theta)
    scale = Standardizer.fit(u)
    target, c = scale(u).cpu().numpy(), encode_x(x).double().cpu().numpy()
    model = Ridge(alpha=RidgeCV(alphas=ALPHAS).fit(c, target).alpha_)
    folds = KFold(min(FOLDS, len(c)), shuffle=True, random_state=derive_seed("folds of the base", seed))
    # Residuals of what the regression has not seen: those of its own training set would be too small.
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
