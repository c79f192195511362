"""sbi's prior, which ends rejection outside of it once it would take too long."""

from __future__ import annotations

import time
from typing import Any

from torch import Tensor

__all__ = ["WatchedPrior"]

PATIENCE = 20.0  # Seconds of rejection before its total time is predicted.


class WatchedPrior:
    """sbi's prior during one call of its sampler, which is stopped if rejection would take too long.

    sbi alone would go on until ``max_sampling_time``, even if no sample at all falls inside the prior.

    Arguments:
        prior: sbi's prior.
        wanted: Number of samples wanted for each observation.
        limit: Time limit of the call, in seconds.
    """

    def __init__(self, prior: Any, wanted: int, limit: float) -> None:
        self._prior, self._wanted, self._limit = prior, wanted, limit
        self._start, self._tested = time.monotonic(), 0
        self._accepted: Any = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._prior, name)

    @property
    def support(self) -> WatchedPrior:
        """Return this object itself, whose ``check`` counts."""
        return self

    def check(self, theta: Tensor) -> Tensor:
        """Return which samples ``(n, ..., dim_theta)`` are inside the prior, ``(n, ...)``.

        Raises:
            RuntimeError: If the time limit would be exceeded, judging by the samples accepted so far.
        """
        from sbi.utils.sbiutils import within_support

        inside = within_support(self._prior, theta)
        self._tested += len(inside)
        self._accepted = self._accepted + inside.reshape(len(inside), -1).sum(0)
        accepted = int(self._accepted.min())
        seconds = time.monotonic() - self._start
        # The number accepted in this time is Poisson; this is about the most that its mean may be.
        most = accepted + 2.0 * accepted**0.5 + 3.0
        if accepted < self._wanted and seconds > PATIENCE and seconds * self._wanted > self._limit * most:
            raise RuntimeError(
                f"only {accepted} of {self._tested} samples lie inside the prior after {seconds:.0f} s, so "
                f"{self._wanted} would take longer than max_sampling_time = {self._limit:g} s; x may be far "
                "from all simulations, and reject_outside_prior=false keeps all samples"
            )
        return inside
