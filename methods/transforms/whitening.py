"""Whitening by principal components, and the effective number of dimensions of data."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Whitening", "participation_ratio"]

NEGLIGIBLE = 1e-10  # Fraction of the largest variance below which a direction counts as constant.


def participation_ratio(covariance: Tensor) -> float:
    """Return the participation ratio tr(S)² / tr(S²) of a covariance S, ``(D, D)``.

    It measures the effective number of dimensions: D if all variances are equal, 1 if only one is not zero.

    Example:
        >>> participation_ratio(torch.diag(torch.tensor([1.0, 1.0, 0.0])))
        2.0
    """
    return float(covariance.trace().square() / covariance.square().sum())


@dataclass(frozen=True)
class Whitening:
    """The map values = mean + basis diag(deviations) w. Calling it gives w, and :meth:`inverse` the values.

    Attributes:
        mean: Mean of the data, ``(D,)``.
        basis: Principal directions as columns, ``(D, rank)``, ordered from largest to smallest variance.
        deviations: Standard deviations along these directions, ``(rank,)``. Constant directions are left out.
    """

    mean: Tensor
    basis: Tensor
    deviations: Tensor

    @classmethod
    def fit(cls, values: Tensor) -> Whitening:
        """Fit the map to data ``(N, D)``, in float64."""
        values = values.double()
        variances, basis = torch.linalg.eigh(values.T.cov().reshape(values.shape[1], -1))
        varies = variances > NEGLIGIBLE * variances.max()
        variances, basis = variances[varies].flip(0), basis[:, varies].flip(1)
        return cls(values.mean(0), basis, variances.sqrt())

    def __call__(self, values: Tensor) -> Tensor:
        """Return the whitened values w, ``(N, rank)``, float64."""
        return (values.double() - self.mean) @ self.basis / self.deviations

    def inverse(self, w: Tensor) -> Tensor:
        """Return the values ``(N, D)``, float64, that belong to whitened values w ``(N, rank)``."""
        return self.mean + (w.double() * self.deviations) @ self.basis.T

    @property
    def log_slope(self) -> Tensor:
        """Log |dw / dvalues|, a scalar; the log density of values is that of w plus this."""
        return -self.deviations.log().sum()
