"""The encoding of x for a network: standardised columns, of which skewed ones are first transformed."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from methods.transforms.standardizer import CONSTANT
from methods.transforms.tails import Tails

__all__ = ["Encoding"]

GAIN = 0.1  # Gain in Gaussian log likelihood, in nats per value, that the power transform must reach.
CLIP = 0.5  # Distance beyond the simulations' range at which values are clipped, in standard deviations.
FAR = 1e3  # Distance of a column's mean from zero above which it is shifted, in standard deviations.
DECADES = (
    1e-3  # A positive column spans decades if its lower quartile is below this many standard deviations.
)


class Encoding:
    """An encoding of x. It scales columns to zero mean and unit variance and drops constant columns.

    Standardising a long-tailed count squeezes its bulk into a narrow range. So a column is Yeo-Johnson
    transformed (with its exponent by maximum likelihood) if that makes it clearly more Gaussian. The
    untransformed column is kept as an extra input, since it may depend on theta in a simpler way. Columns
    with extreme tails are compressed first (:class:`Tails`). The encoding does not depend on the unit of a
    column, nor on a large constant that is added to it.

    Arguments:
        x: Data of the simulations, ``(K, dim_x)``.
        seen: Mask of the columns that may be used, ``(dim_x,)``; all by default.

    Example:
        >>> counts = torch.tensor([[0.0], [1.0], [2.0], [4.0], [9.0], [40.0], [200.0], [900.0]])
        >>> encode = Encoding(counts)
        >>> encode.transformed
        array([ True])
        >>> encode(counts).shape
        torch.Size([8, 2])
    """

    def __init__(self, x: Tensor, seen: np.ndarray | None = None) -> None:
        from sklearn.preprocessing import PowerTransformer, StandardScaler

        self._tails = Tails(x)
        values = self._tails(x).detach().double().cpu().numpy()
        self._varies = values.std(axis=0) > CONSTANT * np.abs(values.mean(axis=0))
        if seen is not None:
            self._varies &= seen
        values = values[:, self._varies]
        # The transform bends near zero, so a column that is far from zero is shifted there.
        is_far = np.abs(values.mean(axis=0)) > FAR * values.std(axis=0)
        self._origin = np.where(is_far, np.median(values, axis=0), 0.0)
        values = values - self._origin
        # The transform bends near 1, so its effect depends on the unit of the data. With this unit counts
        # become something between their square roots and logarithms, and small counts keep small noise.
        self._unit = values.std(axis=0)
        # With that unit a positive column over many decades would hide its smaller half.
        quartile = np.quantile(values, 0.25, axis=0)
        spans_decades = (values.min(axis=0) >= 0.0) & (quartile > 0.0) & (quartile < DECADES * self._unit)
        self._unit = np.where(spans_decades, quartile, self._unit)
        values = values / self._unit
        self._power = PowerTransformer(standardize=False).fit(values)
        # Exponents below 0 (stronger than the logarithm) would turn a column of many zeros into an indicator.
        self._power.lambdas_ = np.clip(self._power.lambdas_, 0.0, 2.0)
        bent = self._power.transform(values)
        log_slope = (np.sign(values) * np.log1p(np.abs(values))).mean(axis=0)
        gain = (self._power.lambdas_ - 1.0) * log_slope - np.log(bent.std(axis=0) / values.std(axis=0))
        self.transformed = gain > GAIN
        self._power.lambdas_ = np.where(self.transformed, self._power.lambdas_, 1.0)
        self._scaler = StandardScaler().fit(self._power.transform(values))
        self._plain = StandardScaler().fit(values)
        bent = self._scaler.transform(self._power.transform(values))
        self._low, self._high = bent.min(axis=0) - CLIP, bent.max(axis=0) + CLIP

    @property
    def num_columns(self) -> int:
        """Number of columns of x that vary and may be used, without the extra inputs."""
        return int(self._varies.sum())

    @property
    def is_compressed(self) -> bool:
        """Whether a column has extreme tails, which are compressed."""
        return bool(self._tails.extreme.any())

    @property
    def used(self) -> Tensor:
        """Mask of the columns of x that vary and may be used, ``(dim_x,)``."""
        return torch.from_numpy(self._varies)

    def __call__(self, x: Tensor) -> Tensor:
        """Encode x ``(N, dim_x)`` as c ``(N, dim_c)``, float32, on the device of x."""
        return self.widen(self.gaussian(x))

    def gaussian(self, x: Tensor) -> Tensor:
        """Return the varying columns, transformed if chosen and standardised, without the extra inputs.

        Their shape is ``(N, number of varying columns)``.
        """
        values = self._tails(x).detach().double().cpu().numpy()[:, self._varies] - self._origin
        values = values / self._unit
        return torch.from_numpy(self._scaler.transform(self._power.transform(values))).float().to(x.device)

    def widen(self, columns: Tensor) -> Tensor:
        """Return columns of :meth:`gaussian` with the extra inputs appended, ``(N, dim_c)``.

        The extra inputs are the untransformed values of the transformed columns.
        """
        extra = torch.from_numpy(self._plain.transform(self._bent_back(columns))[:, self.transformed])
        return torch.cat([columns, extra.to(columns)], dim=1)

    def inverse(self, columns: Tensor) -> Tensor:
        """Return the values of x in its used columns, ``(N, number of varying columns)``, float64.

        Tails that were compressed stay compressed. Columns are clipped near the simulations' range.
        """
        return torch.from_numpy(self._bent_back(columns) * self._unit + self._origin).to(columns.device)

    def _bent_back(self, columns: Tensor) -> np.ndarray:
        """Return columns before the transform, clipped near the simulations' range."""
        inside = np.clip(columns.double().cpu().numpy(), self._low, self._high)
        return self._power.inverse_transform(self._scaler.inverse_transform(inside))
