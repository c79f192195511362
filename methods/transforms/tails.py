"""Compression of extreme tails in the columns of x.

A simulator that blows up now and then returns values such as 1e38. They are finite, but the standard
deviation of their column is then so large that the standardised values of all other simulations are equal.
Such columns are scaled by quantiles instead, and values far out in their tails are compressed:

    v = (x - median) / s,    |v| > 5 becomes 5 + log(1 + |v| - 5), and at most 10,

where s is the distance of two quantiles in units of that of a standard normal.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor

from methods.transforms.standardizer import Standardizer

__all__ = ["REACH", "ScaledData", "Tails", "extreme_simulations", "robust_scale"]

EXTREME = 100.0  # Smallest ratio of standard deviation to quantile scale at which tails count as extreme.
# Probabilities below the lower quantile. A later one is used where the quantiles of all earlier ones are
# equal, as for a column that is zero in nearly all simulations.
LEVELS = (0.05, 0.01, 0.001)
REACH, LIMIT = 5.0, 10.0  # Values beyond REACH are compressed, and values beyond LIMIT are clipped.


def robust_scale(values: Tensor, ratio: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the median and the quantile scale of each column, and which columns have extreme tails.

    Arguments:
        values: Finite values, ``(K, D)``.
        ratio: Smallest ratio of standard deviation to quantile scale at which tails count as extreme.

    Returns:
        Three arrays ``(D,)``: the medians, the scales s of this module's docstring, and a mask. A scale is
        zero, and its column not extreme, if nearly all of its values are equal.
    """
    numbers = values.detach().double().cpu().numpy()
    middle = np.median(numbers, axis=0)
    scale = np.zeros(numbers.shape[1])
    for level in LEVELS:
        low, high = np.quantile(numbers, [level, 1.0 - level], axis=0)
        width = 2.0 * NormalDist().inv_cdf(1.0 - level)
        scale = np.where(scale > 0.0, scale, (high - low) / width)
    # Division by the largest value keeps the squares finite.
    largest = np.abs(numbers).max(axis=0)
    largest[largest == 0.0] = 1.0
    spread = (numbers / largest).std(axis=0)
    return middle, scale, (scale > 0.0) & (spread > ratio * (scale / largest))


class Tails:
    """A map of x that compresses columns with extreme tails. All other columns stay unchanged.

    Arguments:
        x: Data of the simulations, ``(K, dim_x)``, all finite.

    Attributes:
        extreme: Mask of the columns with extreme tails, ``(dim_x,)``.

    Example:
        >>> x = torch.cat([torch.linspace(-1.0, 1.0, 99), torch.tensor([1e38])])[:, None]
        >>> tails = Tails(x)
        >>> tails.extreme, float(tails(x).max())
        (array([ True]), 10.0)
    """

    def __init__(self, x: Tensor) -> None:
        self._middle, self._scale, self.extreme = robust_scale(x, EXTREME)

    def __call__(self, x: Tensor) -> Tensor:
        """Return x ``(N, dim_x)`` with its extreme columns scaled and compressed, in the dtype of x."""
        if not self.extreme.any():
            return x
        size, sign = self._sizes(x)
        beyond = REACH + np.log1p(np.maximum(size - REACH, 0.0))
        compressed = sign * np.minimum(np.where(size > REACH, beyond, size), LIMIT)
        result = x.detach().clone()
        result[:, torch.from_numpy(self.extreme).to(x.device)] = torch.from_numpy(compressed).to(x)
        return result

    def reached(self, x: Tensor) -> Tensor:
        """Return whether each row of x ``(N, dim_x)`` has a value that :meth:`__call__` clips, ``(N,)``."""
        size, _ = self._sizes(x)
        return torch.from_numpy(size - REACH >= np.expm1(LIMIT - REACH)).any(dim=1).to(x.device)

    def _sizes(self, x: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Return |v| and the sign of v in the extreme columns, ``(N, number of extreme columns)``."""
        values = x.detach().double().cpu().numpy()[:, self.extreme]
        centred = values - self._middle[self.extreme]
        return np.abs(centred) / self._scale[self.extreme], np.sign(centred)


class ScaledData:
    """The standardisation of x, after the compression of extreme tails.

    Arguments:
        x: Data of the simulations, ``(K, dim_x)``, all finite.
    """

    def __init__(self, x: Tensor) -> None:
        self._tails = Tails(x)
        self._scale = Standardizer.fit(self._tails(x))

    def __call__(self, x: Tensor) -> Tensor:
        """Return standardised x ``(N, dim_x)``, in the dtype of x."""
        return self._scale(self._tails(x))


def extreme_simulations(x: Tensor) -> Tensor:
    """Return which simulations have huge values that the suite's methods clip, ``(K,)``.

    Arguments:
        x: Data of all simulations, ``(K, dim_x)``. Rows that are not finite are not counted.

    Example:
        >>> x = torch.cat([torch.linspace(-1.0, 1.0, 99), torch.tensor([1e38])])[:, None]
        >>> int(extreme_simulations(x).sum())
        1
    """
    finite = x.isfinite().all(dim=1)
    found = torch.zeros_like(finite)
    if bool(finite.any()):
        found[finite] = Tails(x[finite]).reached(x[finite])
    return found
