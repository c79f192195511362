"""The task contract: a prior, a simulator, observations and, where one exists, a reference posterior."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, MultivariateNormal

from registries import RegistryError
from tasks.contract.seeding import derive_seed

__all__ = ["Card", "Task", "TaskError", "UnknownTaskError"]


class UnknownTaskError(RegistryError):
    """No task is registered under the name that was asked for."""


class TaskError(RegistryError):
    """The class of a registered task is incomplete, or cannot be made."""


@dataclass(frozen=True)
class Card:
    """What a reader needs to know of a task before trusting a number about it.

    Arguments:
        summary: The problem in a sentence.
        noise: Where the simulator's randomness comes from, with units.
        reference: How the reference posterior was made.
        certificate: What vouches for the reference (diagnostics, exactness).
        citation: The publication or package that the task comes from.
        speed: How long 10 000 simulations take.
    """

    summary: str = ""
    noise: str = ""
    reference: str = "none"
    certificate: str = "none"
    citation: str = ""
    speed: str = "not measured"

    def as_dict(self) -> dict[str, str]:
        """The card as plain strings, by field name."""
        return asdict(self)


class Task(ABC):
    """An inference problem p(theta) p(x | theta) with ``num_observations`` fixed observations.

    A subclass sets ``dim_theta`` and ``dim_x`` and writes :meth:`prior` and :meth:`simulate`; all else
    has a default. Shapes are always two-dimensional: ``(N, dim_theta)`` and ``(N, dim_x)``, float32.

    Example:
        >>> import torch, tasks
        >>> task = tasks.get("gaussian_linear")
        >>> theta = task.prior().sample((4,))
        >>> task.simulate(theta, seed=1).shape
        torch.Size([4, 10])
    """

    name: ClassVar[str] = ""
    version: ClassVar[str] = "1"
    dim_theta: int
    dim_x: int
    num_observations: int = 10
    card: Card = Card()

    @abstractmethod
    def prior(self) -> Distribution:
        """The prior, a torch distribution with event_shape ``(dim_theta,)``."""

    @abstractmethod
    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """Draw one x for every row of theta.

        The same seed gives the same x, and torch's global random state is left as it was. A row whose
        simulation failed is NaN throughout; whoever fits drops such rows and says how many.

        Arguments:
            theta: Parameters, ``(N, dim_theta)``.
            seed: Seed of this call's randomness.

        Returns:
            Data, ``(N, dim_x)``, float32.
        """

    def true_theta(self, num_observation: int) -> Tensor | None:
        """The parameters behind an observation, ``(1, dim_theta)``; by default a seeded prior draw."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed("true theta", num_observation))
            return self.prior().sample((1,)).float()

    def observation(self, num_observation: int) -> Tensor:
        """Observation number 1 … ``num_observations``, ``(1, dim_x)``; by default simulated at true_theta.

        Raises:
            ValueError: if there is no such observation.
        """
        theta = self.true_theta(num_observation)
        if theta is None:
            raise NotImplementedError(f"task {self.name} has neither observations nor true parameters")
        return self.simulate(theta, seed=self._seed("observation", num_observation))

    def reference_samples(self, num_observation: int) -> Tensor | None:
        """Draws of the reference posterior, ``(10_000, dim_theta)``, or None where no reference exists."""
        return None

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor | None:
        """Exact quantiles of the posterior's marginals, ``(Q, dim_theta)`` at levels ``(Q,)`` in (0, 1).

        None where there is neither a closed form nor a density on a grid.
        """
        return None

    def gaussian_posterior(self, num_observation: int) -> MultivariateNormal | None:
        """The exact posterior where it is normal, of event shape ``(dim_theta,)``; None elsewhere."""
        return None

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log p(x | theta) in nats, ``(N,)``, for theta ``(N, dim_theta)`` and x ``(N or 1, dim_x)``.

        Raises:
            NotImplementedError: where the likelihood is not tractable.
        """
        raise NotImplementedError(f"task {self.name} has no tractable likelihood")

    def check_observation(self, num_observation: int) -> None:
        """Raise ValueError unless ``num_observation`` is one of the task's."""
        if not 1 <= num_observation <= self.num_observations:
            raise ValueError(
                f"num_observation {num_observation} of task {self.name}: "
                f"must be an integer from 1 to {self.num_observations}"
            )

    def _seed(self, purpose: str, num_observation: int) -> int:
        """Seed of an observation's random numbers for one purpose.

        Arguments:
            purpose: ``"true theta"``, ``"observation"`` or ``"reference"``. Each has a stream of its own:
                noise would else repeat the very numbers that theta was drawn from.
            num_observation: 1 … ``num_observations``.

        Raises:
            ValueError: if there is no such observation.
        """
        self.check_observation(num_observation)
        return derive_seed(purpose, self.name, num_observation)
