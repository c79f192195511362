"""Tasks of a noisy signal whose reference posterior ``scorebench reference TASK`` makes."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from tasks.noisy_signal import NoisySignal
from tasks.stored_task import StoredTask

__all__ = ["SignalTask"]


class SignalTask(NoisySignal, StoredTask):
    """A noisy signal with a stored reference posterior, made as ``reference_by`` says.

    ``grid``: independent draws by a grid. ``hmc``: Hamiltonian Monte Carlo, for tasks with a
    ``log_likelihood_gradient``. ``metropolis``: independence Metropolis.
    """

    reference_by: ClassVar[Literal["grid", "hmc", "metropolis"]] = "metropolis"

    def finer_signal(self, theta: Tensor) -> Tensor | None:
        """The signal by a solver of twice the resolution, to check the other; None for a closed form."""
        return None
