"""Tasks with a tractable likelihood whose reference posterior ``scorebench reference TASK`` makes."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

from torch import Tensor

from tasks.tools.stored_task import StoredTask

__all__ = ["THIN", "CertifiedTask"]

THIN = 4  # steps of independence Metropolis for each draw that is kept


class CertifiedTask(StoredTask):
    """A stored reference posterior, made as ``reference_by`` says, with a certificate.

    ``grid``: independent draws by a grid. ``hmc``: Hamiltonian Monte Carlo, for tasks with a
    ``log_likelihood_gradient``. ``metropolis``: independence Metropolis.

    The likelihood comes in two parts, so that what is costly of a theta is done once for all observations.
    """

    reference_by: ClassVar[Literal["grid", "hmc", "metropolis"]] = "metropolis"
    thin: ClassVar[int] = THIN

    @abstractmethod
    def signal(self, theta: Tensor) -> Tensor:
        """What data depend on, ``(N, S)``, float64, of theta ``(N, dim_theta)``; NaN rows where it failed."""

    @abstractmethod
    def log_likelihood_of(self, signal: Tensor, x: Tensor) -> Tensor:
        """Log p(x | theta), nats, ``(N,)``, of signals ``(N, S)`` and x ``(N or 1, dim_x)``; -inf for NaN."""

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Exact log p(x | theta) in nats, ``(N,)``; -inf where the signal failed."""
        return self.log_likelihood_of(self.signal(theta), x).to(theta)

    def finer_signal(self, theta: Tensor) -> Tensor | None:
        """The signal by a solver of twice the resolution, to check the other; None for a closed form."""
        return None
