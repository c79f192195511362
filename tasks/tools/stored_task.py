"""Base class of tasks whose observations, true parameters and reference draws are stored in this package."""

from __future__ import annotations

import torch
from torch import Tensor

from tasks.contract.base import Card, Task
from tasks.stored.files import read_certificate, read_reference, summary

__all__ = ["STORED_SEEDS", "StoredTask", "stored_card"]

# The stored files of every task were made with these seeds plus the observation's number. All other seeds are
# derived from names by :mod:`tasks.contract.seeding`; a test asserts that none of them equals one of these.
STORED_SEEDS = {"true theta": 1_000_000, "observation": 2_000_000}


def stored_card(name: str, *, text: str, noise: str, citation: str) -> Card:
    """The card of a task with a stored reference; some of its fields come from the certificate.

    Arguments:
        name: Name of the task.
        text: Inference problem in one sentence.
        noise: Source of the simulator's randomness, with units.
        citation: Publication or package that the task comes from.
    """
    certificate = read_certificate(name)
    return Card(
        summary=text,
        noise=noise,
        reference=summary(certificate, "sampler"),
        certificate=summary(certificate, "verdict"),
        citation=citation,
        speed=summary(certificate, "speed"),
    )


class StoredTask(Task):
    """A task whose observations, true parameters and reference draws are stored in one file.

    They are stored together so that they always belong together. Observations and true parameters were made
    by :meth:`simulated_truth`; ``scorebench reference TASK`` regenerates all of them.
    """

    def simulated_truth(self, num_observation: int) -> tuple[Tensor, Tensor]:
        """A seeded draw from the prior, ``(1, dim_theta)``, and data simulated from it, ``(1, dim_x)``."""
        theta = Task.true_theta(self, num_observation)
        assert theta is not None  # noqa: S101  (the base class draws it)
        return theta, self.simulate(theta, seed=self._seed("observation", num_observation))

    def true_theta(self, num_observation: int) -> Tensor:
        """The stored parameters that the observation was simulated from, ``(1, dim_theta)``."""
        return self._stored("true_theta", num_observation)[None]

    def observation(self, num_observation: int) -> Tensor:
        """The stored observation, ``(1, dim_x)``."""
        return self._stored("observation", num_observation)[None]

    def reference_samples(self, num_observation: int) -> Tensor:
        """The stored draws, ``(10_000, dim_theta)``; draw i is of chain i modulo the number of chains."""
        return self._stored("draws", num_observation)

    def _seed(self, purpose: str, num_observation: int) -> int:
        """The seed that the stored file was made with, for ``"true theta"`` or ``"observation"``."""
        self.check_observation(num_observation)
        return STORED_SEEDS[purpose] + num_observation

    def _stored(self, array: str, num_observation: int) -> Tensor:
        self.check_observation(num_observation)
        return torch.from_numpy(read_reference(self.name)[array][num_observation - 1].copy())
