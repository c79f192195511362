"""The method contract: a method has parameters, is fitted on simulations, and returns a posterior."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, get_args

import torch
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from torch import Tensor
from torch.distributions import Distribution

from methods.contract.spec import SpecError, written

__all__ = ["LogLikelihood", "Method", "Posterior"]

LogLikelihood = Callable[[Tensor, Tensor], Tensor]
LARGEST = 2**63 - 1  # largest integer in the columns of a row


class Posterior(ABC):
    """The result of a fit. It draws theta for any x (amortized), or for the x that it was fitted for.

    Attributes:
        nfe: Number of function evaluations per returned sample in the latest :meth:`sample` or
            :meth:`sample_batched`. One evaluation is one row passed through a network, a score, a surrogate
            or a likelihood; each of these is counted separately (see
            :class:`methods.contract.counting.Evaluations`). Rejected draws count. A network that encodes x
            counts too, but its few rows are shared by all samples. A normalising flow is one network: one
            pass runs all of its conditioners once, and an autoregressive inverse makes one pass per
            dimension. The value is NaN before the first sampling, and 0 for a method that evaluates nothing.
        num_parameters: Number of trained parameters in all networks that sampling runs; 0 for a training-free
            method.
        diagnostics: What the fit says of itself, by name: numbers such as held-out log densities in nats, and
            words for choices that it made.
    """

    nfe: float = 0.0
    num_parameters: int = 0
    diagnostics: Mapping[str, float | str] = MappingProxyType({})

    @abstractmethod
    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, dim_theta)`` samples for one observation x, ``(1, dim_x)``, with sample_shape ``(n,)``.

        All randomness comes from torch's global generator. Seed it to repeat a draw.
        """

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, B, dim_theta)`` samples for B observations x, ``(B, dim_x)``.

        By default the observations are sampled one after the other.
        """
        theta, evaluations = [], []
        for row in x:
            theta.append(self.sample(sample_shape, x=row[None]))
            evaluations.append(self.nfe)
        self.nfe = sum(evaluations) / max(len(evaluations), 1)
        return torch.stack(theta, dim=1)

    def without_rejection(self) -> Posterior:
        """Return a copy that keeps draws outside the prior's support, or ``self`` if none are rejected."""
        return self

    def log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log density ``(N,)``, in nats, of theta ``(N, dim_theta)`` given one x ``(1, dim_x)``.

        Raises:
            NotImplementedError: If the method has no density.
        """
        raise NotImplementedError(f"{type(self).__name__} has no density")


class Method(BaseModel, ABC):
    """A method turns a prior and simulations into a posterior. Its pydantic fields are its parameters.

    The defaults are the method's reference settings. A number must be finite (a field with
    ``Field(allow_inf_nan=True)`` may be infinite), an integer must fit 64 bits, and true or false is not a
    number. A method receives the prior and the simulations, but never a reference posterior.

    Attributes:
        name: Name under which the method is registered.
        version: Version of the method's results. It is raised when they change and is part of a cell's
            identity.
        amortized: Whether one fit serves every x.
        citation: Publication that the method comes from.
        libraries: Modules that are imported where they are used, so that methods can be listed quickly;
            :meth:`warm_up` imports them.

    Example:
        >>> from methods import Method, Posterior, register_method
        >>> class Widened(Method):
        ...     factor: float = 2.0
        ...     def fit(self, prior, theta, x, device="cpu", seed=0) -> Posterior: ...
        >>> Widened(factor=3).factor
        3.0
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: ClassVar[str] = ""
    version: ClassVar[str] = "1"
    amortized: ClassVar[bool] = True
    citation: ClassVar[str] = ""
    libraries: ClassVar[tuple[str, ...]] = ()

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        kinds = _kinds(cls.model_fields[info.field_name or ""].annotation)
        if isinstance(value, bool) and kinds & {int, float} and not kinds & {bool, Any, object}:
            raise ValueError("input should be a number")
        return value

    @field_validator("*", mode="after")
    @classmethod
    def _in_64_bits(cls, value: Any) -> Any:
        for part in value if isinstance(value, list | tuple) else [value]:
            if isinstance(part, int) and abs(part) > LARGEST:
                raise ValueError("input should fit 64 bits")
        return value

    @abstractmethod
    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> Posterior:
        """Fit the method on simulations.

        Arguments:
            prior: Prior of theta, a distribution with event_shape ``(dim_theta,)``.
            theta: Prior draws, ``(K, dim_theta)``.
            x: Data simulated from ``theta``, ``(K, dim_x)``, all finite.
            device: Device to compute on, ``"cpu"`` or ``"cuda"``.
            seed: Seed for all randomness of the fit. Torch's global random state is left unchanged.
        """

    def check_prior(self, prior: Distribution) -> None:
        """Raise ValueError if the method cannot work with a prior; by default every prior is accepted.

        The benchmark calls this before it simulates.

        Arguments:
            prior: Prior of theta, a distribution with event_shape ``(dim_theta,)``.
        """

    def with_likelihood(self, log_likelihood: LogLikelihood) -> Method:
        """Return a copy that may evaluate the task's likelihood, or ``self`` if it is not used.

        Arguments:
            log_likelihood: Function of theta ``(N, dim_theta)`` and x ``(N or 1, dim_x)`` that returns log
                likelihoods ``(N,)`` in nats. It raises NotImplementedError if the task has no likelihood.
        """
        return self

    def warm_up(self, device: str = "cpu") -> None:
        """Pay the costs that only the first fit of a process has; by default, take one optimiser step.

        The benchmark calls this once per process, before it times a fit. Results must not depend on the call.
        A method that trains no network overrides it with an empty function. A method that imports a library
        overrides it with a small use of that library.

        Arguments:
            device: Device that the fit will compute on, ``"cpu"`` or ``"cuda"``.
        """
        for library in self.libraries:
            importlib.import_module(library)
        weight = torch.ones(64, 64, device=device, requires_grad=True)
        for optimizer in (torch.optim.AdamW([weight], fused=True), torch.optim.Muon([weight])):
            (weight @ weight).relu().sum().backward()
            optimizer.step()
            optimizer.zero_grad()

    @property
    def spec(self) -> str:
        """The method's name and its non-default parameters, in the grammar of the command line."""
        changed = self.model_dump(exclude_defaults=True)
        inside = ",".join(f"{key}={self._written(key, value)}" for key, value in sorted(changed.items()))
        return f"{self.name}[{inside}]" if inside else self.name

    def _written(self, key: str, value: Any) -> str:
        try:
            return written(value)
        except SpecError:  # a path, an enumeration or the like
            return written(self.model_dump(mode="json", include={key})[key])


def _kinds(annotation: Any) -> set[Any]:
    """Return the types of an annotation at its top level, such as int and None for ``int | None``."""
    inner = [part for part in get_args(annotation) if isinstance(part, type) or get_args(part)]
    origin = getattr(annotation, "__origin__", None)
    if not inner or isinstance(origin, type):
        return {annotation}
    return set().union(*map(_kinds, inner))
