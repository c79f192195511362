"""The method contract: parameters in, ``fit`` on simulations, a posterior that samples."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor
from torch.distributions import Distribution

from methods.contract.spec import written

__all__ = ["LogLikelihood", "Method", "Posterior"]

LogLikelihood = Callable[[Tensor, Tensor], Tensor]


class Posterior(ABC):
    """What a fitted method gives: draws of theta for any x (amortized) or for the x it was made for.

    Attributes:
        nfe: Evaluations per sample returned by the latest :meth:`sample` or :meth:`sample_batched`. One
            evaluation is one row passed through a network, a score, a surrogate or a likelihood, each
            counted on its own; see :class:`methods.contract.counting.Evaluations`. Draws that are rejected
            count, and so does a network that encodes x, whose few rows are shared by all samples. A
            normalising flow is one network: one pass is one run of all its conditioners, and an
            autoregressive inverse makes a pass for each dimension. NaN before the first sampling; 0 for a
            method that evaluates nothing.
        num_parameters: Trained parameters of all networks that sampling runs; 0 for a training-free method.
    """

    nfe: float = 0.0
    num_parameters: int = 0

    @abstractmethod
    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, dim_theta)`` samples for one observation x, ``(1, dim_x)``, with sample_shape ``(n,)``.

        The randomness is torch's global state: seed it to repeat a draw.
        """

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, B, dim_theta)`` samples for B observations x, ``(B, dim_x)``; by default one by one."""
        theta, evaluations = [], []
        for row in x:
            theta.append(self.sample(sample_shape, x=row[None]))
            evaluations.append(self.nfe)
        self.nfe = sum(evaluations) / max(len(evaluations), 1)
        return torch.stack(theta, dim=1)

    def without_rejection(self) -> Posterior:
        """The same with the draws that fall outside the prior kept; itself where it rejects none."""
        return self

    def log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log density of theta ``(N, dim_theta)`` at one observation x ``(1, dim_x)``, ``(N,)``, in nats.

        Raises:
            NotImplementedError: for a method without a density.
        """
        raise NotImplementedError(f"{type(self).__name__} has no density")


class Method(BaseModel, ABC):
    """A way from (prior, simulations) to a posterior. Its pydantic fields are its parameters.

    The defaults are the method's reference settings. A method sees the prior and simulations, never a
    reference posterior.

    Attributes:
        name: Registered name.
        version: Raised when results change; part of a cell's identity.
        amortized: Whether one fit serves every x.
        citation: Where the method comes from.
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

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str] = ""
    version: ClassVar[str] = "1"
    amortized: ClassVar[bool] = True
    citation: ClassVar[str] = ""
    libraries: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> Posterior:
        """Fit on simulations.

        Arguments:
            prior: Distribution with event_shape ``(dim_theta,)``.
            theta: Prior draws, ``(K, dim_theta)``.
            x: Their simulations, ``(K, dim_x)``, all finite.
            device: Where to compute, ``"cpu"`` or ``"cuda"``.
            seed: Seed of all of the fit's randomness; torch's global state is left as it was.
        """

    def with_likelihood(self, log_likelihood: LogLikelihood) -> Method:
        """The method with the task's likelihood at hand; itself where it has no use for one.

        Arguments:
            log_likelihood: Of theta ``(N, dim_theta)`` and x ``(N or 1, dim_x)`` in nats, ``(N,)``; raises
                NotImplementedError where the task has none.
        """
        return self

    def warm_up(self, device: str = "cpu") -> None:
        """Do what only the first fit of a process pays for; by default a step of torch's optimisers.

        It is called once in a process, before a fit is timed, and results must not depend on it. A method
        that trains no network overrides it with nothing, one that imports a library with a use of that.

        Arguments:
            device: Where the fit will compute, ``"cpu"`` or ``"cuda"``.
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
        """Name with the parameters that differ from their defaults, as the command line takes it."""
        changed = self.model_dump(exclude_defaults=True)
        inside = ",".join(f"{key}={written(value)}" for key, value in sorted(changed.items()))
        return f"{self.name}[{inside}]" if inside else self.name
