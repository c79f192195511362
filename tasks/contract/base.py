"""The task contract: a prior, a simulator, observations and, if available, a reference posterior."""

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
    """No task is registered under the requested name."""


class TaskError(RegistryError):
    """The class of a registered task is incomplete, or its constructor fails."""


@dataclass(frozen=True)
class Card:
    """Description of a task: what a reader needs to know before trusting a number about it.

    Arguments:
        summary: Inference problem in one sentence; ``scorebench list tasks`` prints it.
        noise: Source of the simulator's randomness, with units.
        reference: Method by which the reference posterior was made.
        certificate: Evidence that the reference is right (its exactness, or convergence diagnostics).
        citation: Publication or package that the task comes from.
        speed: Time that 10 000 simulations take.
    """

    summary: str = ""
    noise: str = ""
    reference: str = "none"
    certificate: str = "none"
    citation: str = ""
    speed: str = "not measured"

    def as_dict(self) -> dict[str, str]:
        """The card's texts by field name."""
        return asdict(self)


class Task(ABC):
    """An inference problem p(theta) p(x | theta) with ``num_observations`` fixed observations.

    A subclass sets ``dim_theta`` and ``dim_x`` and defines :meth:`prior` and :meth:`simulate`; everything
    else has a default. Tensors are always two-dimensional and float32: parameters are ``(N, dim_theta)``,
    data ``(N, dim_x)``.

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

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Name of each parameter, ``dim_theta`` of them; by default ``theta_1``, ``theta_2``, …

        A task whose parameters have names sets ``parameter_names = ("beta", "gamma")`` in its class. Greek
        letters are spelt out.
        """
        return tuple(f"theta_{k}" for k in range(1, int(self.dim_theta) + 1))

    @abstractmethod
    def prior(self) -> Distribution:
        """The prior p(theta), a torch distribution with event_shape ``(dim_theta,)``."""

    @abstractmethod
    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """Draw one x ~ p(x | theta) for every row of theta.

        The same seed gives the same x, and torch's global random state is unchanged. If the simulation of a
        row fails, all of its entries are NaN; such rows are dropped before a fit, and their number is
        reported.

        Arguments:
            theta: Parameters, ``(N, dim_theta)``.
            seed: Seed for all randomness of this call.

        Returns:
            Data, ``(N, dim_x)``, float32.
        """

    def true_theta(self, num_observation: int) -> Tensor | None:
        """The parameters that an observation was simulated from, ``(1, dim_theta)``, or None if unknown.

        By default they are a seeded draw from the prior.

        Raises:
            ValueError: if there is no such observation.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed("true theta", num_observation))
            return self.prior().sample((1,)).float()

    def observation(self, num_observation: int) -> Tensor:
        """An observation, ``(1, dim_x)``; by default it is simulated from :meth:`true_theta`.

        Arguments:
            num_observation: Number of the observation, 1 … ``num_observations``.

        Raises:
            ValueError: if there is no such observation.
            NotImplementedError: if the task has no true parameters to simulate from.
        """
        theta = self.true_theta(num_observation)
        if theta is None:
            raise NotImplementedError(f"task {self.name} has neither observations nor true parameters")
        return self.simulate(theta, seed=self._seed("observation", num_observation))

    def reference_samples(self, num_observation: int) -> Tensor | None:
        """Draws from the reference posterior, ``(10_000, dim_theta)``, or None if there is no reference."""
        return None

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor | None:
        """Exact quantiles of the posterior's marginals, ``(Q, dim_theta)``.

        The result is None if the marginals have no closed form and the density is not known on a grid.

        Arguments:
            num_observation: Number of the observation, 1 … ``num_observations``.
            levels: Probabilities in (0, 1), ``(Q,)``.
        """
        return None

    def gaussian_posterior(self, num_observation: int) -> MultivariateNormal | None:
        """The exact posterior if it is normal, with event_shape ``(dim_theta,)``; None otherwise."""
        return None

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log likelihood, log p(x | theta), in nats.

        Arguments:
            theta: Parameters, ``(N, dim_theta)``.
            x: Data, ``(N or 1, dim_x)``.

        Returns:
            Log likelihoods, ``(N,)``.

        Raises:
            NotImplementedError: if the likelihood is not tractable.
        """
        raise NotImplementedError(f"task {self.name} has no tractable likelihood")

    def check_observation(self, num_observation: int) -> None:
        """Raise ValueError unless ``num_observation`` is from 1 to ``num_observations``."""
        if not 1 <= num_observation <= self.num_observations:
            raise ValueError(
                f"num_observation {num_observation} of task {self.name}: "
                f"must be an integer from 1 to {self.num_observations}"
            )

    def _seed(self, purpose: str, num_observation: int) -> int:
        """Seed for an observation's random numbers for one purpose.

        Arguments:
            purpose: ``"true theta"``, ``"observation"`` or ``"reference"``. Each purpose has its own stream;
                with a shared one, the noise of the data would repeat the numbers that theta was drawn from.
            num_observation: Number of the observation, 1 … ``num_observations``.

        Raises:
            ValueError: if there is no such observation.
        """
        self.check_observation(num_observation)
        return derive_seed(purpose, self.name, num_observation)
