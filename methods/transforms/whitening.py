"""Principal components at unit variance, and how many dimensions data have."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Whitening", "participation_ratio"]

NEGLIGIBLE = 1e-10  # part of the largest variance below which a direction counts as constant


def participation_ratio(covariance: Tensor) -> float:
    """tr(S)² / tr(S²) of a covariance ``(D, D)``: D where all variances are equal, 1 where one is all.

    Example:
        >>> participation_ratio(torch.diag(torch.tensor([1.0, 1.0, 0.0])))
        2.0
    """
    return float(covariance.trace().square() / covariance.square().sum())


@dataclass(frozen=True)
class Whitening:
    """values = mean + basis diag(deviations) w; call it for w, :meth:`inverse` to go back.

    Attributes:
        mean: ``(D,)``.
        basis: Principal directions as columns, ``(D, rank)``, that of largest variance first.
        deviations: Standard deviations along them, ``(rank,)``. Directions that never vary are left out.
    """

    mean: Tensor
    basis: Tensor
    deviations: Tensor

    @classmethod
    def fit(cls, values: Tensor) -> Whitening:
        """From data ``(N, D)``, in float64."""
        values = values.double()
        variances, basis = torch.linalg.eigh(values.T.cov().reshape(values.shape[1], -1))
        varies = variances > NEGLIGIBLE * variances.max()
        variances, basis = variances[varies].flip(0), basis[:, varies].flip(1)
        return cls(values.mean(0), basis, variances.sqrt())

    def __call__(self, values: Tensor) -> Tensor:
        """Whitened ``(N, rank)``, float64."""
        return (values.double() - self.mean) @ self.basis / self.deviations

    def inverse(self, w: Tensor) -> Tensor:
        """Back to ``(N, D)``, float64."""
        return self.mean + (w.double() * self.deviations) @ self.basis.T

    @property
    def log_slope(self) -> Tensor:
        """Log |dw / dvalues|."""
        return -self.deviations.log().sum()
