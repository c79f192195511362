"""What a network sees of x: standardised columns, skewed ones made more Gaussian first."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["Encoding"]

GAIN = 0.1  # nats per value by which the power transform must make a column likelier as a Gaussian
CLIP = 0.5  # how far beyond the range of the simulations a value is followed, in standard deviations


class Encoding:
    """Columns of x to zero mean and unit variance; columns that never vary are left out.

    A column goes through the Yeo-Johnson transform (exponent by maximum likelihood) where that makes it
    clearly more Gaussian: a standardised count with a long tail would show a network little of its bulk. What
    such a column was before goes beside it, for in its own units it may be simpler.

    Arguments:
        x: Data, ``(K, dim_x)``.
        seen: Which columns may be seen, ``(dim_x,)``; all by default.

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

        values = x.detach().double().cpu().numpy()
        self._varies = values.std(axis=0) > 1e-12 * (1.0 + np.abs(values.mean(axis=0)))
        if seen is not None:
            self._varies &= seen
        values = values[:, self._varies]
        # The transform bends at 1, so that it matters in which unit the data come. With this one it turns
        # counts into something between their roots and logarithms: small ones keep their noise small.
        self._unit = values.std(axis=0)
        values = values / self._unit
        self._power = PowerTransformer(standardize=False).fit(values)
        # Beyond logarithms a column of many zeros would become a mere indicator.
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

    def __call__(self, x: Tensor) -> Tensor:
        """Encode ``(N, dim_x)``, on its device, float32: ``(N, dim_c)``."""
        return self.widen(self.gaussian(x))

    def gaussian(self, x: Tensor) -> Tensor:
        """The columns, transformed ones transformed, ``(N, number that vary)``."""
        values = x.detach().double().cpu().numpy()[:, self._varies] / self._unit
        return torch.from_numpy(self._scaler.transform(self._power.transform(values))).float().to(x.device)

    def widen(self, columns: Tensor) -> Tensor:
        """Put beside columns of :meth:`gaussian` what transformed ones were before, ``(N, dim_c)``."""
        inside = np.clip(columns.double().cpu().numpy(), self._low, self._high)
        before = self._plain.transform(self._power.inverse_transform(self._scaler.inverse_transform(inside)))
        extra = torch.from_numpy(before[:, self.transformed]).to(columns)
        return torch.cat([columns, extra], dim=1)
