"""Where a prior has mass, and what is asked of priors however they are written.

In torch the support can be wider than where there is mass: that of a transformed distribution is the range of
the transform, even if the base distribution has mass on an interval only.
"""

from __future__ import annotations

import copy
import math
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    MixtureSameFamily,
    TransformedDistribution,
    VonMises,
    biject_to,
    constraints,
    transforms,
)
from torch.distributions.constraints import Constraint

from methods.contract.seeding import derive_seed

__all__ = [
    "FEW",
    "MANY",
    "HasMass",
    "as_named",
    "as_tensor",
    "bounds",
    "log_prob_of",
    "mass",
    "sample_of",
    "support_of",
    "unvalidated",
]

# Numbers of draws that show the shape of a draw, and the scale and kind of the parameters.
FEW, MANY = 3, 500
# Packages whose distributions are known to have mass on all of their support.
OWN = ("torch.", "sbi.", "tasks.")


def bounds(support: Any, dim: int) -> tuple[Tensor, Tensor]:
    """Return the lower and upper bound of each parameter, both ``(dim,)``, float64; infinite where none is.

    Arguments:
        support: Support of a prior of ``dim`` parameters.
        dim: Number of parameters.

    Raises:
        ValueError: If the support does not consist of intervals, half-lines and lines.
    """
    low, high = torch.full((dim,), -torch.inf).double(), torch.full((dim,), torch.inf).double()
    if isinstance(support, HasMass):
        return (low, high) if support.base is None else bounds(support.base, dim)
    if isinstance(support, constraints.independent | constraints.MixtureSameFamilyConstraint):
        return bounds(support.base_constraint, dim)
    if isinstance(support, constraints.cat) and sum(support.lengths) == dim:
        pieces = [bounds(piece, length) for piece, length in zip(support.cseq, support.lengths, strict=True)]
        return torch.cat([one for one, _ in pieces]), torch.cat([one for _, one in pieces])
    lower = isinstance(support, constraints.greater_than | constraints.greater_than_eq)
    upper = isinstance(support, constraints.less_than)
    both = isinstance(support, constraints.interval | constraints.half_open_interval)
    if not (lower or upper or both or support is constraints.real):
        raise ValueError(f"prior on {support}: only intervals, half-lines and lines are supported")
    if lower or both:
        low = torch.as_tensor(support.lower_bound).double().reshape(-1).expand(dim)
    if upper or both:
        high = torch.as_tensor(support.upper_bound).double().reshape(-1).expand(dim)
    return low, high


class HasMass(Constraint):
    """The set of theta ``(..., dim_theta)`` where a prior's log density is finite.

    Arguments:
        prior: Prior, see :func:`usable_prior`.
        base: A set that contains it, such as the support that the prior names; None if it names none.
    """

    event_dim = 1

    def __init__(self, prior: Any, base: Constraint | None) -> None:
        self._prior, self.base = prior, base

    def check(self, value: Tensor) -> Tensor:
        """Return whether each row of theta ``(..., dim_theta)`` has a finite log density, ``(...,)``."""
        inside = value.isfinite().all(-1)
        if self.base is not None:
            inside = inside & self.base.check(value.nan_to_num(0.0))
        found = torch.zeros_like(inside)
        if bool(inside.any()):
            found[inside] = log_prob_of(self._prior, value[inside]).isfinite()
        return found

    @cached_property
    def _draws(self) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed("draws of a prior"))
            return sample_of(self._prior, torch.Size([MANY])).reshape(MANY, -1)

    @cached_property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether draws of a parameter are whole numbers that repeat."""
        if self.base is not None and self.base.is_discrete:
            return True
        columns = self._draws.T
        return any(bool((one == one.round()).all()) and len(one.unique()) < MANY // 2 for one in columns)

    @property
    def transform(self) -> transforms.Transform:
        """A map that scales standardised coordinates to theta, for Markov chains."""
        # Quantiles of heavy tails are finite, unlike moments. These are one standard deviation of a normal.
        low, loc, high = self._draws.quantile(torch.tensor([0.1587, 0.5, 0.8413]), dim=0)
        scale = 0.5 * (high - low)
        return transforms.AffineTransform(loc, torch.where(scale > 0, scale, 1.0))


@biject_to.register(HasMass)
def _(constraint: HasMass) -> transforms.Transform:
    return constraint.transform


def as_named(prior: Any) -> bool:
    """Return whether a distribution is known to have mass on all of the support that it names."""
    if isinstance(prior, Independent):
        return as_named(prior.base_dist)
    if isinstance(prior, VonMises) or type(prior) is TransformedDistribution:
        return False
    if isinstance(prior, MixtureSameFamily):  # the components of a mixture may have different bounds
        line = support_of(prior.component_distribution)
        while isinstance(line, constraints.independent):
            line = line.base_constraint
        return line is constraints.real and as_named(prior.component_distribution)
    if not all(as_named(part) for part in getattr(prior, "dists", ())):  # of sbi's MultipleIndependent
        return False
    cls = type(prior)
    places = (cls.__module__, getattr(cls.log_prob, "__module__", ""))
    return support_of(prior) is not None and any(f"{place}.".startswith(OWN) for place in places)


def mass(prior: Any) -> Constraint:
    """Return the set where a prior has mass."""
    named = support_of(prior)
    if named is not None and as_named(prior):
        return named
    if isinstance(prior, Independent):
        base = mass(prior.base_dist)
        if not isinstance(base, HasMass):
            return constraints.independent(base, prior.reinterpreted_batch_ndims)
    if isinstance(prior, VonMises):
        return constraints.interval(-math.pi, math.pi)
    if isinstance(prior, MixtureSameFamily):  # torch's own support is that which all components share
        return HasMass(unvalidated(prior), _hull(prior))
    image = _image(prior) if type(prior) is TransformedDistribution else None
    return HasMass(unvalidated(prior), named) if image is None else image


def _hull(prior: MixtureSameFamily) -> Constraint | None:
    """Return the smallest box that contains the supports of all components; None if that is not known."""
    component = prior.component_distribution
    shape = component.batch_shape + component.event_shape
    try:
        low, high = (end.reshape(shape) for end in bounds(mass(component), math.prod(shape)))
    except ValueError:
        return None
    component_axis = len(component.batch_shape) - 1
    return _between(low.amin(component_axis), high.amax(component_axis), len(prior.event_shape))


def _image(prior: TransformedDistribution) -> Constraint | None:
    """Return the image of the base distribution's interval under monotone transforms; None for others."""
    base = prior.base_dist
    shape = base.batch_shape + base.event_shape
    if any(not each.bijective or each.domain.event_dim for each in prior.transforms):
        return None
    try:
        ends = [end.reshape(shape) for end in bounds(mass(base), math.prod(shape))]
        for each in prior.transforms:
            _ = each.sign  # raises for a transform that is not monotone
            ends = [each(end) for end in ends]
    except (NotImplementedError, ValueError):
        return None
    return _between(torch.minimum(*ends), torch.maximum(*ends), len(prior.event_shape))


def _between(low: Tensor, high: Tensor, event_dims: int) -> Constraint | None:
    """Return the constraint of values between bounds; None if only some columns are bounded."""
    low, high = low.float(), high.float()
    below, above = low.isfinite(), high.isfinite()
    found: Constraint
    if below.all() and above.all():
        found = constraints.interval(low, high)
    elif below.all() and not above.any():
        found = constraints.greater_than(low)
    elif above.all() and not below.any():
        found = constraints.less_than(high)
    elif not (below.any() or above.any()):
        found = constraints.real
    else:
        return None
    return constraints.independent(found, event_dims) if event_dims else found


def support_of(prior: Any) -> Constraint | None:
    """Return the support that a prior names, if any."""
    try:
        found = prior.support
    except (AttributeError, NotImplementedError):
        return None
    return found if isinstance(found, Constraint) else None


def unvalidated(prior: Any) -> Any:
    """Return a copy whose log density outside the support is minus infinity instead of an error."""
    if not isinstance(prior, Distribution):
        return prior
    prior = copy.copy(prior)
    prior._validate_args = False
    for name in ("base_dist", "_mixture_distribution", "_component_distribution"):
        if isinstance(vars(prior).get(name), Distribution):
            setattr(prior, name, unvalidated(vars(prior)[name]))
    if isinstance(vars(prior).get("dists"), list):
        prior.dists = [unvalidated(part) for part in prior.dists]
    return prior


def sample_of(prior: Any, shape: torch.Size) -> Tensor:
    """Return draws as a float32 tensor. An object of one's own may draw from numpy's global random state."""
    before = np.random.get_state()
    np.random.seed(derive_seed("numpy's draws of a prior", int(torch.randint(2**31, (1,)))))
    try:
        return as_tensor(prior.sample(shape))
    finally:
        np.random.set_state(before)


def log_prob_of(prior: Any, theta: Tensor) -> Tensor:
    """Return log densities ``(...,)`` of theta ``(..., dim_theta)``, on the device of theta.

    An object of one's own may expect the shape of its draws, which need not end in ``dim_theta``.
    """
    rows = theta.detach().cpu().reshape(-1, theta.shape[-1])
    if isinstance(prior, Distribution):
        rows = rows.reshape(-1, *prior.batch_shape, *prior.event_shape)
    values = as_tensor(prior.log_prob(rows)).reshape(len(rows), -1).sum(1)
    return values.reshape(theta.shape[:-1]).to(theta.device)


def as_tensor(values: Any) -> Tensor:
    """Return values of a prior, a tensor or an array, as float32 without gradients."""
    tensor = values if isinstance(values, Tensor) else torch.from_numpy(np.asarray(values, dtype=float))
    return tensor.detach().float()
