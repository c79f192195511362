"""Base class of tasks whose reference posterior is made here, with ``scorebench reference TASK``."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

from torch import Tensor

from tasks.tools.stored_task import StoredTask

__all__ = ["THIN", "CertifiedTask"]

THIN = 4  # steps of independence Metropolis per kept draw


class CertifiedTask(StoredTask):
    """A task with a tractable likelihood, a stored reference posterior and a certificate for it.

    The likelihood is computed in two steps, :meth:`signal` and :meth:`log_likelihood_of`, so that the costly
    first step is done only once per theta and shared by all observations.

    Attributes:
        reference_by: Sampler of the stored draws: ``grid`` (independent draws by a grid), ``hmc``
            (Hamiltonian Monte Carlo, for tasks that define ``log_likelihood_gradient``) or ``metropolis``
            (independence Metropolis).
        thin: Number of steps of independence Metropolis per kept draw.
    """

    reference_by: ClassVar[Literal["grid", "hmc", "metropolis"]] = "metropolis"
    thin: ClassVar[int] = THIN

    @abstractmethod
    def signal(self, theta: Tensor) -> Tensor:
        """The quantities through which the distribution of x depends on theta.

        Arguments:
            theta: Parameters, ``(N, dim_theta)``.

        Returns:
            Signals, ``(N, S)``, float64; a row is NaN if its computation fails.
        """

    @abstractmethod
    def log_likelihood_of(self, signal: Tensor, x: Tensor) -> Tensor:
        """Log p(x | theta) in nats from signals that have been computed already.

        Arguments:
            signal: Signals of theta, ``(N, S)``.
            x: Data, ``(N or 1, dim_x)``.

        Returns:
            Log likelihoods, ``(N,)``; -inf for a signal that is NaN.
        """

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Exact log p(x | theta) in nats, ``(N,)``; -inf if the signal could not be computed."""
        return self.log_likelihood_of(self.signal(theta), x).to(theta)

    def finer_signal(self, theta: Tensor) -> Tensor | None:
        """The signal by a solver of twice the resolution, ``(N, S)``; None if the signal has a closed form.

        It is used to check that the resolution of :meth:`signal` suffices.
        """
        return None
