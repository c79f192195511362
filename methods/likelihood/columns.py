"""The columns of x whose density is learned."""

from __future__ import annotations

from torch import Tensor

from methods.transforms.encoding import Encoding
from methods.transforms.standardizer import Standardizer

__all__ = ["Columns", "LogColumns", "candidate_columns"]

STEP = 1e-3  # Step of the differences, in standard deviations of a column.


class Columns:
    """The encoded columns of x, as :meth:`methods.transforms.encoding.Encoding.gaussian` returns them.

    Arguments:
        encode_x: Encoding of x.
        x: Data of the simulations, ``(K, dim_x)``.
    """

    def __init__(self, encode_x: Encoding, x: Tensor) -> None:
        self._encode_x, self._step = encode_x, STEP * x.std(dim=0)

    def __call__(self, x: Tensor) -> Tensor:
        """Return columns ``(N, dim_columns)`` of x ``(N, dim_x)``, float32."""
        return self._encode_x.gaussian(x)

    def log_slope(self, x: Tensor) -> Tensor:
        """Return log |d columns / dx|, summed over columns, ``(N,)``, by central differences."""
        x = x.double()  # With float32 the differences would be lost in columns that are far from zero.
        slope = (self(x + self._step) - self(x - self._step)).abs() / (2.0 * self._step[self._encode_x.used])
        return slope.clamp_min(1e-30).log().sum(1).float()


class LogColumns:
    """The standardised logarithms of columns that are positive in all simulations.

    Noise that is proportional to a positive quantity, as that of a measured concentration often is, has the
    same size everywhere in its logarithm. A value at or below zero counts as the smallest one seen.

    Arguments:
        x: Data of the simulations, ``(K, dim_x)``.
        used: Mask of the columns to use, ``(dim_x,)``, which are positive.
    """

    def __init__(self, x: Tensor, used: Tensor) -> None:
        self._used, self._least = used, x[:, used].min(dim=0).values
        self._scale = Standardizer.fit(self._positive(x[:, used]).log())

    def __call__(self, x: Tensor) -> Tensor:
        """Return columns ``(N, dim_columns)`` of x ``(N, dim_x)``, float32."""
        return self.of_used(x[:, self._used])

    def of_used(self, values: Tensor) -> Tensor:
        """Return columns of the values of x in the columns that are used, ``(N, dim_columns)``."""
        return self._scale(self._positive(values).log()).float()

    def log_slope(self, x: Tensor) -> Tensor:
        """Return log |d columns / dx|, summed over columns, ``(N,)``."""
        return -(self._positive(x[:, self._used]).log() + self._scale.std.log()).sum(1).float()

    def _positive(self, values: Tensor) -> Tensor:
        return values.where(values > 0.0, self._least).double()


def candidate_columns(x: Tensor, encode_x: Encoding) -> list[Columns | LogColumns]:
    """Return the kinds of columns that suit simulated data x ``(K, dim_x)``."""
    plain = Columns(encode_x, x)
    is_positive = bool((x[:, encode_x.used] > 0.0).all()) and not encode_x.is_compressed
    return [plain, LogColumns(x, encode_x.used)] if is_positive else [plain]
