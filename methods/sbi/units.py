"""Units in which sbi can work: standardised data and parameters where sbi's own scaling would fail.

sbi standardises theta and x itself. But it replaces standard deviations below 1e-7 by 1e-7 and computes in
float32, so data in very small, very large or far shifted units would look constant or overflow. Such data are
standardised here first, in float64, and the prior with them. All other data are passed on unchanged.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from methods.transforms.standardizer import CONSTANT, Standardizer
from methods.transforms.tails import ScaledData, Tails

__all__ = ["ScaledPrior", "Units"]

SMALL, LARGE = 1e-5, 1e6  # Range of standard deviations that sbi gets unchanged.
FAR = 1e3  # Largest distance of a mean from zero that sbi gets unchanged, in standard deviations.


class ScaledPrior(Distribution):
    """The distribution of standardised parameters, where those in the original units follow a prior.

    Arguments:
        prior: Prior, of event shape ``(dim_theta,)``, with intervals, half-lines or lines as its support.
        scale: Standardizer of the parameters, float64.

    Raises:
        ValueError: If the support is of another kind.
    """

    arg_constraints: dict[str, Any] = {}  # noqa: RUF012  (torch's own declaration)

    def __init__(self, prior: Distribution, scale: Standardizer) -> None:
        self._prior, self._scale, self._device = prior, scale, torch.device("cpu")
        support: Any = prior.support
        while isinstance(support, constraints.independent):
            support = support.base_constraint
        self._low: Any = None
        self._high: Any = None
        if isinstance(support, constraints.interval):
            self._low, self._high = support.lower_bound, support.upper_bound
        elif isinstance(support, (constraints.greater_than, constraints.greater_than_eq)):
            self._low = support.lower_bound
        elif support is not constraints.real:
            raise ValueError(f"prior on {support}: only intervals, half-lines and lines can be standardised")
        self._support = constraints.independent(self._mapped(), 1)
        super().__init__(event_shape=prior.event_shape, validate_args=False)

    @property
    def support(self) -> Any:
        """The prior's support in standardised units."""
        return self._support

    @property
    def mean(self) -> Tensor:
        """Mean of the standardised parameters, ``(dim_theta,)``."""
        return self._to(self._prior.mean)

    @property
    def variance(self) -> Tensor:
        """Variance of the standardised parameters, ``(dim_theta,)``."""
        return (self._prior.variance.double() / self._scale.std.square()).float().to(self._device)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draw standardised parameters, ``(*sample_shape, dim_theta)``, float32."""
        return self._to(self._prior.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log density, in nats, at standardised parameters; minus infinity outside the support."""
        inside = self._support.check(value)
        theta = self.original(torch.where(inside[..., None], value, self._anchor(value))).cpu()
        log_density = self._prior.log_prob(theta) + self._scale.std.log().sum().to(theta)
        return log_density.to(value).where(inside, -torch.inf)

    def original(self, value: Tensor) -> Tensor:
        """Return standardised parameters ``(..., dim_theta)`` in the prior's units, inside its bounds."""
        theta = self.unclipped(value)
        # Rounding can move a value that is inside the standardised bounds over those of the prior.
        if self._low is not None:
            above = torch.as_tensor(self._low).to(theta)
            if self._high is None:
                above = torch.nextafter(above, torch.full_like(above, torch.inf))
            theta = torch.maximum(theta, above)
        return theta if self._high is None else torch.minimum(theta, torch.as_tensor(self._high).to(theta))

    def unclipped(self, value: Tensor) -> Tensor:
        """Return standardised parameters ``(..., dim_theta)`` in the prior's units, without its bounds."""
        return self._scale.inverse(value.double().cpu()).to(value)

    def to(self, device: str) -> None:
        """Return draws on another device from now on, as sbi asks of its priors."""
        self._device = torch.device(device)
        self._support = constraints.independent(self._mapped(), 1)

    def _anchor(self, value: Tensor) -> Tensor:
        """Return a value inside the support, at which a prior can be evaluated without an error."""
        return self._to(self._prior.sample()).expand_as(value).to(value)

    def _to(self, theta: Tensor | float) -> Tensor:
        return self._scale(torch.as_tensor(theta).double().cpu()).float().to(self._device)

    def _mapped(self) -> Any:
        """Return the constraint of a column in standardised units."""
        if self._low is None:
            return constraints.real
        low = self._to(self._low)
        if self._high is None:
            return constraints.greater_than(low)
        return constraints.interval(low, self._to(self._high))


@dataclass(frozen=True)
class Units:
    """Maps of parameters and data to the units that sbi gets, and back.

    Attributes:
        prior: Prior in these units.
        scale: Standardizer of theta, or None if theta is passed on unchanged.
        scale_x: Standardisation of x, or None if x is passed on unchanged.
    """

    prior: Distribution
    scale: Standardizer | None
    scale_x: ScaledData | None

    @classmethod
    def fit(cls, prior: Distribution, theta: Tensor, x: Tensor) -> Units:
        """Choose the units for simulations theta ``(K, dim_theta)`` and x ``(K, dim_x)``.

        A warning is given if theta needs other units but the prior's support has no known map to them.
        """
        scale = None
        if _is_unusual(theta):
            try:
                scale = Standardizer.fit(theta.double().cpu())
                prior = ScaledPrior(prior, scale)
            except (ValueError, NotImplementedError, AttributeError) as error:
                warnings.warn(f"theta cannot be standardised for sbi: {error}", stacklevel=2)
                scale = None
        is_unusual = _is_unusual(x) or bool(Tails(x).extreme.any())
        return cls(prior, scale, ScaledData(x.double().cpu()) if is_unusual else None)

    def theta(self, theta: Tensor) -> Tensor:
        """Return theta ``(..., dim_theta)`` in sbi's units."""
        return theta if self.scale is None else self.scale(theta.double().cpu()).float().to(theta.device)

    def x(self, x: Tensor) -> Tensor:
        """Return x ``(N, dim_x)`` in sbi's units."""
        return x if self.scale_x is None else self.scale_x(x.double().cpu()).float().to(x.device)

    def original(self, theta: Tensor) -> Tensor:
        """Return parameters ``(..., dim_theta)`` from sbi in the units of the simulations."""
        if not isinstance(self.prior, ScaledPrior):
            return theta
        found = self.prior.original(theta)
        # Draws that sbi has put outside the prior's bounds stay there.
        inside = self.prior.support.check(theta)[..., None]
        return torch.where(inside, found, self.prior.unclipped(theta))

    @property
    def log_slope(self) -> float:
        """Log density of theta in its own units minus that in sbi's units, in nats."""
        return 0.0 if self.scale is None else -float(self.scale.std.log().sum())


def _is_unusual(values: Tensor) -> bool:
    """Return whether a column has a scale, or a distance from zero, that sbi's own scaling cannot handle."""
    values = values.double()
    mean, std = values.mean(0).abs(), values.std(0)
    varies = std > CONSTANT * mean
    unusual = (std < SMALL) | (std > LARGE) | (mean > FAR * std)
    return bool((unusual & varies).any())
