"""Standardisation of columns to zero mean and unit variance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["CONSTANT", "Standardizer"]

CONSTANT = 1e-12  # Ratio of standard deviation to mean below which a column counts as constant.


@dataclass(frozen=True)
class Standardizer:
    """An affine map of columns. Calling it standardises values, and :meth:`inverse` restores them.

    Attributes:
        mean: Mean of each column, ``(D,)``.
        std: Standard deviation of each column, ``(D,)``.

    Example:
        >>> scale = Standardizer.fit(torch.tensor([[0.0, 5.0], [2.0, 5.0]]))
        >>> scale.mean
        tensor([1., 5.])
        >>> scale.inverse(torch.zeros(1, 2))
        tensor([[1., 5.]])
    """

    mean: Tensor
    std: Tensor

    @classmethod
    def fit(cls, values: Tensor) -> Standardizer:
        """Fit means and standard deviations to values ``(N, D)``. A constant column keeps its scale."""
        mean = values.double().mean(0)
        std = values.double().std(0)
        # The smallest spread is relative to the mean, so that it does not depend on the unit of a column.
        std = std.where(std > CONSTANT * mean.abs(), torch.ones_like(std))
        return cls(mean.to(values), std.to(values))

    @classmethod
    def identity(cls, values: Tensor) -> Standardizer:
        """Return the identity map for values ``(N, D)``."""
        return cls(torch.zeros_like(values[0]), torch.ones_like(values[0]))

    def __call__(self, values: Tensor) -> Tensor:
        """Standardise values ``(N, D)``."""
        return (values - self.mean) / self.std

    def inverse(self, values: Tensor) -> Tensor:
        """Return standardised values ``(N, D)`` in their original units."""
        return values * self.std + self.mean
