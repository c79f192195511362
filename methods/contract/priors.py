"""Priors as people write them, turned into distributions that every method can use.

Most of torch's distributions with an event shape are used unchanged. Any other object with ``sample`` and
``log_prob`` is wrapped, if its draws have the right number of parameters. A wrapped prior has mass on all of
its support. In torch the support can be wider: that of a transformed distribution is the range of the
transform, even if the base distribution has mass on an interval only.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    constraints,
)
from torch.distributions.constraints import Constraint

from methods.contract.prior_mass import (
    FEW,
    HasMass,
    as_named,
    as_tensor,
    log_prob_of,
    mass,
    sample_of,
    support_of,
    unvalidated,
)

__all__ = ["PriorError", "UsablePrior", "check_continuous", "usable_prior"]


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
        return prior if as_named(prior) else UsablePrior(prior, dim_theta)
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
    if mass(prior).is_discrete:
        raise PriorError(f"{who} needs continuous parameters, but the prior draws whole numbers")


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
        self.plain = unvalidated(prior)
        self._constraint = HasMass(self.plain, support_of(prior)) if by_density else mass(prior)
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
        return sample_of(self.plain, shape).reshape(*shape, *self.event_shape).to(self._device)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log densities ``(...,)`` of theta ``(..., dim_theta)``; minus infinity without mass."""
        found = log_prob_of(self.plain, value)
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
                size = as_tensor(prior.sample(torch.Size([FEW]))).numel() // FEW
            self._parts.append(usable_prior(prior, size))

    def sample(self, sample_shape: torch.Size) -> Tensor:
        return torch.cat([part.sample(sample_shape).float() for part in self._parts], dim=-1)

    def log_prob(self, value: Tensor) -> Tensor:
        pieces = value.split([part.event_shape[0] for part in self._parts], dim=-1)
        found = [
            log_prob_of(unvalidated(part), piece) for part, piece in zip(self._parts, pieces, strict=True)
        ]
        return torch.stack(found).sum(0)

    @property
    def support(self) -> Constraint:
        sizes = [part.event_shape[0] for part in self._parts]
        pieces = []
        for part in self._parts:
            piece = support_of(part)
            pieces.append(piece.base_constraint if isinstance(piece, constraints.independent) else piece)
        if any(piece is None or piece.event_dim for piece in pieces):
            raise NotImplementedError
        return constraints.independent(constraints.cat(pieces, dim=-1, lengths=sizes), 1)


def _check_draws(prior: Any, dim_theta: int) -> None:
    with torch.random.fork_rng(devices=[]):
        try:
            draws = sample_of(prior, torch.Size([FEW]))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise PriorError(f"the prior cannot be sampled by sample(({FEW},)): {reason}") from error
    if draws.numel() != FEW * dim_theta:
        raise PriorError(
            f"{FEW} draws of the prior are {tuple(draws.shape)}, not {(FEW, dim_theta)}: "
            f"the task says dim_theta = {dim_theta}"
        )
