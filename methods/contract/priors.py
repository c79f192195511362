"""Priors as people write them, turned into distributions that every method can use.

Most of torch's distributions with an event shape are used unchanged. Any other object with ``sample`` and
``log_prob`` is wrapped, if its draws have the right number of parameters. A wrapped prior has mass on all of
its support. In torch the support can be wider: that of a transformed distribution is the range of the
transform, even if the base distribution has mass on an interval only.
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Sequence
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

__all__ = ["HasMass", "PriorError", "UsablePrior", "bounds", "check_continuous", "usable_prior"]

FEW, MANY = (
    3,
    500,
)  # Numbers of draws that show the shape of a draw, and the scale and kind of the parameters.
OWN = (
    "torch.",
    "sbi.",
    "tasks.",
)  # Packages whose distributions are known to have mass on all of their support.


class PriorError(ValueError):
    """The prior cannot be used; the message says what it should be."""


def usable_prior(prior: Any, dim_theta: int) -> Distribution:
    """Return a distribution with event_shape ``(dim_theta,)`` whose support is where the prior has mass.

    Such a distribution is returned unchanged. A distribution with a batch shape instead of an event shape
    becomes :class:`torch.distributions.Independent`. A list of priors becomes their joint distribution, and
    any other object with ``sample`` and ``log_prob`` is wrapped. Torch's global random state is unchanged.

    Arguments:
        prior: A distribution, an object with ``sample(shape)`` and ``log_prob(theta)``, or a list of them.
        dim_theta: Number of parameters.

    Raises:
        PriorError: If the prior cannot be sampled, or a draw has another number of parameters.

    Example:
        >>> from torch.distributions import Uniform
        >>> usable_prior(Uniform(0.0, 1.0), 1).event_shape
        torch.Size([1])
    """
    wanted = torch.Size([dim_theta])
    if isinstance(prior, Distribution) and prior.event_shape == wanted and not prior.batch_shape:
        if isinstance(prior, UsablePrior):
            return prior
        return prior if _as_named(prior) else UsablePrior(prior, dim_theta)
    if isinstance(prior, list | tuple):
        return UsablePrior(_Joint(prior), dim_theta)
    if not callable(getattr(prior, "sample", None)) or not callable(getattr(prior, "log_prob", None)):
        raise PriorError(
            f"the prior is a {type(prior).__name__}, not a distribution with sample and log_prob"
        )
    _check_draws(prior, dim_theta)
    if isinstance(prior, Distribution) and not prior.event_shape and prior.batch_shape in (wanted, ()):
        with contextlib.suppress(NotImplementedError):  # a distribution of one's own may not expand
            many = prior if prior.batch_shape else prior.expand(wanted)
            return usable_prior(Independent(many, 1, validate_args=False), dim_theta)
    return UsablePrior(prior, dim_theta)


def check_continuous(prior: Distribution, who: str) -> None:
    """Raise PriorError if a parameter takes separate values only, such as whole numbers.

    Arguments:
        prior: Prior of theta.
        who: Name of the method, for the message.
    """
    if _mass(prior).is_discrete:
        raise PriorError(f"{who} needs continuous parameters, but the prior draws whole numbers")


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
            found[inside] = _log_prob(self._prior, value[inside]).isfinite()
        return found

    @cached_property
    def _draws(self) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed("draws of a prior"))
            return _sample(self._prior, torch.Size([MANY])).reshape(MANY, -1)

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


class UsablePrior(Distribution):
    """A prior of another kind as a distribution with event_shape ``(dim_theta,)`` and float32 draws.

    Arguments:
        prior: Distribution, or another object with ``sample`` and ``log_prob``.
        dim_theta: Number of parameters.
        by_density: Whether to go by the log density even if the prior has mass on all of its support.
    """

    arg_constraints: dict[str, Constraint] = {}  # noqa: RUF012  (its type in torch)
    has_rsample = False

    def __init__(self, prior: Any, dim_theta: int, *, by_density: bool = False) -> None:
        self.plain = _unvalidated(prior)
        self._constraint = HasMass(self.plain, _support(prior)) if by_density else _mass(prior)
        self._device = torch.device("cpu")
        super().__init__(event_shape=torch.Size([dim_theta]), validate_args=False)

    @property
    def support(self) -> Constraint:
        """Set of theta where the prior has mass."""
        return self._constraint

    @property
    def mean(self) -> Tensor:
        """Mean, ``(dim_theta,)``, if the wrapped prior knows it."""
        return torch.as_tensor(self.plain.mean).float().reshape(self.event_shape).to(self._device)

    @property
    def variance(self) -> Tensor:
        """Variance, ``(dim_theta,)``, if the wrapped prior knows it."""
        return torch.as_tensor(self.plain.variance).float().reshape(self.event_shape).to(self._device)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draw ``(*sample_shape, dim_theta)`` parameters. Torch's global generator determines them."""
        shape = torch.Size(sample_shape)
        return _sample(self.plain, shape).reshape(*shape, *self.event_shape).to(self._device)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log densities ``(...,)`` of theta ``(..., dim_theta)``; minus infinity without mass."""
        found = _log_prob(self.plain, value)
        if not isinstance(self._constraint, HasMass):
            found = found.where(self._constraint.check(value), -torch.inf)
        return found.where(~found.isnan(), -torch.inf)

    def to(self, device: str) -> None:
        """Return draws on that device from now on."""
        self._device = torch.device(device)


class _Joint:
    """Independent priors side by side, each of one parameter or several."""

    def __init__(self, priors: Sequence[Any]) -> None:
        self._parts = []
        for prior in priors:
            with torch.random.fork_rng(devices=[]):
                size = _as_tensor(prior.sample(torch.Size([FEW]))).numel() // FEW
            self._parts.append(usable_prior(prior, size))

    def sample(self, sample_shape: torch.Size) -> Tensor:
        return torch.cat([part.sample(sample_shape).float() for part in self._parts], dim=-1)

    def log_prob(self, value: Tensor) -> Tensor:
        pieces = value.split([part.event_shape[0] for part in self._parts], dim=-1)
        found = [
            _log_prob(_unvalidated(part), piece) for part, piece in zip(self._parts, pieces, strict=True)
        ]
        return torch.stack(found).sum(0)

    @property
    def support(self) -> Constraint:
        sizes = [part.event_shape[0] for part in self._parts]
        pieces = []
        for part in self._parts:
            piece = _support(part)
            pieces.append(piece.base_constraint if isinstance(piece, constraints.independent) else piece)
        if any(piece is None or piece.event_dim for piece in pieces):
            raise NotImplementedError
        return constraints.independent(constraints.cat(pieces, dim=-1, lengths=sizes), 1)


def _check_draws(prior: Any, dim_theta: int) -> None:
    with torch.random.fork_rng(devices=[]):
        try:
            draws = _sample(prior, torch.Size([FEW]))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise PriorError(f"the prior cannot be sampled by sample(({FEW},)): {reason}") from error
    if draws.numel() != FEW * dim_theta:
        raise PriorError(
            f"{FEW} draws of the prior are {tuple(draws.shape)}, not {(FEW, dim_theta)}: "
            f"the task says dim_theta = {dim_theta}"
        )


def _as_named(prior: Any) -> bool:
    """Return whether a distribution is known to have mass on all of the support that it names."""
    if isinstance(prior, Independent):
        return _as_named(prior.base_dist)
    if isinstance(prior, VonMises) or type(prior) is TransformedDistribution:
        return False
    if isinstance(prior, MixtureSameFamily):  # the components of a mixture may have different bounds
        line = _support(prior.component_distribution)
        while isinstance(line, constraints.independent):
            line = line.base_constraint
        return line is constraints.real and _as_named(prior.component_distribution)
    if not all(_as_named(part) for part in getattr(prior, "dists", ())):  # of sbi's MultipleIndependent
        return False
    cls = type(prior)
    places = (cls.__module__, getattr(cls.log_prob, "__module__", ""))
    return _support(prior) is not None and any(f"{place}.".startswith(OWN) for place in places)


def _mass(prior: Any) -> Constraint:
    """Return the set where a prior has mass."""
    named = _support(prior)
    if named is not None and _as_named(prior):
        return named
    if isinstance(prior, Independent):
        base = _mass(prior.base_dist)
        if not isinstance(base, HasMass):
            return constraints.independent(base, prior.reinterpreted_batch_ndims)
    if isinstance(prior, VonMises):
        return constraints.interval(-math.pi, math.pi)
    if isinstance(prior, MixtureSameFamily):  # torch's own support is that which all components share
        return HasMass(_unvalidated(prior), _hull(prior))
    image = _image(prior) if type(prior) is TransformedDistribution else None
    return HasMass(_unvalidated(prior), named) if image is None else image


def _hull(prior: MixtureSameFamily) -> Constraint | None:
    """Return the smallest box that contains the supports of all components; None if that is not known."""
    component = prior.component_distribution
    shape = component.batch_shape + component.event_shape
    try:
        low, high = (end.reshape(shape) for end in bounds(_mass(component), math.prod(shape)))
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
        ends = [end.reshape(shape) for end in bounds(_mass(base), math.prod(shape))]
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


def _support(prior: Any) -> Constraint | None:
    """Return the support that a prior names, if any."""
    try:
        found = prior.support
    except (AttributeError, NotImplementedError):
        return None
    return found if isinstance(found, Constraint) else None


def _unvalidated(prior: Any) -> Any:
    """Return a copy whose log density outside the support is minus infinity instead of an error."""
    if not isinstance(prior, Distribution):
        return prior
    prior = copy.copy(prior)
    prior._validate_args = False
    for name in ("base_dist", "_mixture_distribution", "_component_distribution"):
        if isinstance(vars(prior).get(name), Distribution):
            setattr(prior, name, _unvalidated(vars(prior)[name]))
    if isinstance(vars(prior).get("dists"), list):
        prior.dists = [_unvalidated(part) for part in prior.dists]
    return prior


def _sample(prior: Any, shape: torch.Size) -> Tensor:
    """Return draws as a float32 tensor. An object of one's own may draw from numpy's global random state."""
    before = np.random.get_state()
    np.random.seed(derive_seed("numpy's draws of a prior", int(torch.randint(2**31, (1,)))))
    try:
        return _as_tensor(prior.sample(shape))
    finally:
        np.random.set_state(before)


def _log_prob(prior: Any, theta: Tensor) -> Tensor:
    """Return log densities ``(...,)`` of theta ``(..., dim_theta)``, on the device of theta.

    An object of one's own may expect the shape of its draws, which need not end in ``dim_theta``.
    """
    rows = theta.detach().cpu().reshape(-1, theta.shape[-1])
    if isinstance(prior, Distribution):
        rows = rows.reshape(-1, *prior.batch_shape, *prior.event_shape)
    values = _as_tensor(prior.log_prob(rows)).reshape(len(rows), -1).sum(1)
    return values.reshape(theta.shape[:-1]).to(theta.device)


def _as_tensor(values: Any) -> Tensor:
    tensor = values if isinstance(values, Tensor) else torch.from_numpy(np.asarray(values, dtype=float))
    return tensor.detach().float()
