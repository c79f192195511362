"""A posterior that was fitted again for stored rows, and that can give the samples of these rows."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from methods import Posterior

__all__ = ["Refitted"]


class Refitted(Posterior):
    """A posterior of a stored cell, fitted again; :meth:`bench.results.store.Store.posterior` makes it.

    It samples any x like the posterior of the method. :meth:`row_samples` gives the samples that a row was
    scored with: they are drawn as in the run, with torch's global generator seeded with the row's seed.

    Arguments:
        posterior: Posterior as the method's fit returned it.
        draw: Function that returns the samples of the row of an observation, given its number.

    Attributes:
        posterior: Posterior as the method's fit returned it.
    """

    def __init__(self, posterior: Posterior, draw: Callable[[int], Tensor]) -> None:
        self.posterior, self._draw = posterior, draw
        self.num_parameters = getattr(posterior, "num_parameters", 0)

    def row_samples(self, num_observation: int) -> Tensor:
        """Return all samples of a row, ``(N, dim_theta)``, float32; the global random state is unchanged.

        Arguments:
            num_observation: Number of the observation, from 1.

        Raises:
            UsageError: if the cell has no good row of this observation, or the samples have another
                fingerprint than the row's (``samples_sha256``).
        """
        return self._draw(num_observation)

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, dim_theta)`` samples for x ``(1, dim_x)``, see :meth:`methods.Posterior.sample`."""
        theta = self.posterior.sample(sample_shape, x=x)
        self.nfe = getattr(self.posterior, "nfe", 0.0)
        return theta

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, B, dim_theta)`` samples, see :meth:`methods.Posterior.sample_batched`."""
        theta = self.posterior.sample_batched(sample_shape, x=x)
        self.nfe = getattr(self.posterior, "nfe", 0.0)
        return theta

    def without_rejection(self) -> Posterior:
        """Return a copy that keeps draws outside the prior's support."""
        return self.posterior.without_rejection()

    def log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log density ``(N,)`` of theta ``(N, dim_theta)`` given one x ``(1, dim_x)``."""
        return self.posterior.log_prob(theta, x=x)
