"""Whitening by principal components, and the effective number of dimensions of data."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from methods.transforms.standardizer import CONSTANT

__all__ = ["Whitening", "participation_ratio"]

NEGLIGIBLE = 1e-10  # Fraction of the largest variance below which a direction counts as constant.
UNEQUAL = 1e3  # Ratio of the columns' standard deviations above which they are first made equal.


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
    """The map values = mean + units * basis diag(deviations) w, where * multiplies the columns.

    Calling it gives w, and :meth:`inverse` gives the values.

    Attributes:
        mean: Mean of the data, ``(D,)``.
        basis: Principal directions as columns, ``(D, rank)``, ordered from largest to smallest variance.
        deviations: Standard deviations along these directions, ``(rank,)``. Constant directions are left out.
        units: Units of the columns, ``(D,)``. They are 1, unless the columns' standard deviations differ so
            much that the narrow ones would count as constant. Then they are these standard deviations.
    """

    mean: Tensor
    basis: Tensor
    deviations: Tensor
    units: Tensor

    @classmethod
    def fit(cls, values: Tensor) -> Whitening:
        """Fit the map to data ``(N, D)``, in float64."""
        values = values.double()
        mean, spread = values.mean(0), values.std(0)
        narrow = spread[spread > CONSTANT * mean.abs()]
        units = torch.ones_like(spread)
        if len(narrow) and bool(narrow.max() > UNEQUAL * narrow.min()):
            units = spread.where(spread > CONSTANT * mean.abs(), units)
        scaled = values / units
        variances, basis = torch.linalg.eigh(scaled.T.cov().reshape(scaled.shape[1], -1))
        varies = variances > NEGLIGIBLE * variances.max()
        variances, basis = variances[varies].flip(0), basis[:, varies].flip(1)
        return cls(mean, basis, variances.sqrt(), units)

    def __call__(self, values: Tensor) -> Tensor:
        """Return the whitened values w, ``(N, rank)``, float64."""
        return (values.double() - self.mean) / self.units @ self.basis / self.deviations

    def inverse(self, w: Tensor) -> Tensor:
        """Return the values ``(N, D)``, float64, that belong to whitened values w ``(N, rank)``."""
        return self.mean + (w.double() * self.deviations) @ self.basis.T * self.units

    @property
    def log_slope(self) -> Tensor:
        """Log |dw / dvalues|, a scalar; the log density of values is that of w plus this."""
        return -self.deviations.log().sum() - self.units.log().sum()
