"""An sbi posterior as a posterior of this suite: seeded, quiet, and with counted network evaluations."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from methods.contract.base import Posterior
from methods.contract.counting import Evaluations
from methods.contract.inside import InsidePrior
from methods.sbi.estimators import run_by_one_evaluation
from methods.sbi.sbi_training import quietly
from methods.sbi.units import Units
from methods.sbi.watched_prior import WatchedPrior

__all__ = ["SbiPosterior"]

BATCH = 2**16  # Number of samples drawn for several observations at once.


class SbiPosterior(Posterior):
    """An sbi posterior with fixed sampling options and counted network evaluations.

    Arguments:
        posterior: Posterior that sbi built.
        options: Keyword arguments of its ``sample``.
        units: Units that sbi got theta and x in.
    """

    def __init__(self, posterior: Any, options: dict[str, Any], units: Units) -> None:
        self._posterior, self._units = posterior, units
        self._options = {"show_progress_bars": False, **options}
        self._evaluations = Evaluations()
        self.nfe = float("nan")
        # Hooks are registered on the posterior's own estimator, which is a copy of the trained one.
        self._is_flow = not hasattr(posterior, "vector_field_estimator")
        estimator = posterior.posterior_estimator if self._is_flow else posterior.vector_field_estimator
        self._evaluations.watch(*run_by_one_evaluation(estimator))
        self.num_parameters = sum(p.numel() for p in estimator.parameters())
        self._device = next(estimator.parameters()).device

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, dim_theta)`` samples for one observation x ``(1, dim_x)`` with sbi's sampler.

        Raises:
            RuntimeError: If rejection takes longer than ``max_sampling_time``, or is predicted to.
        """
        return self._counted(self._rejecting(self._posterior.sample), sample_shape, x)

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, B, dim_theta)`` samples for all observations x ``(B, dim_x)`` at once.

        sbi's own rejection draws again for all rows until the last row has all its samples. If one row leaks
        strongly outside the prior, this would repeat the draws of all others a thousand times. So all rows
        are sampled once, and samples outside the prior are then replaced: of a flow row by row, of a vector
        field, whose calls take hundreds of steps each, for all rows together that miss some
        (:meth:`.InsidePrior.kept`), and at last row by row.

        Raises:
            RuntimeError: If rejection takes longer than ``max_sampling_time``, or is predicted to.
        """
        rejects = self._options["reject_outside_prior"]
        return self._counted(self._redrawn if rejects else self._posterior.sample_batched, sample_shape, x)

    def _rejecting(self, draw: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """Return one of sbi's samplers with its rejection watched."""

        def drawn(sample_shape: torch.Size, **options: Any) -> Tensor:
            if not options["reject_outside_prior"]:
                return draw(sample_shape, **options)
            prior = self._posterior.prior
            self._posterior.prior = WatchedPrior(prior, sample_shape.numel(), options["max_sampling_time"])
            try:
                return draw(sample_shape, **options)
            finally:
                self._posterior.prior = prior

        return drawn

    def _redrawn(self, sample_shape: torch.Size, x: Tensor, **options: Any) -> Tensor:
        raw = options | {"reject_outside_prior": False}
        ends = time.monotonic() + options["max_sampling_time"]

        def alone(number: int, x: Tensor) -> Tensor:
            left = options | {"max_sampling_time": max(ends - time.monotonic(), 1e-3)}
            return self._rejecting(self._posterior.sample)(torch.Size([number]), x=x, **left)

        parts = []
        for rows in x.split(max(1, BATCH // sample_shape.numel())):
            theta = self._posterior.sample_batched(sample_shape, x=rows, **raw)
            if not self._is_flow:
                theta = self._filled(theta, rows, raw, ends, alone)
            outside = ~self._posterior.prior.support.check(theta)
            for k in outside.any(dim=0).nonzero().flatten().tolist():
                again = outside[:, k]
                theta[again, k] = alone(int(again.sum()), rows[k : k + 1])
            parts.append(theta)
        return torch.cat(parts, dim=1)

    def _filled(
        self,
        theta: Tensor,
        x: Tensor,
        raw: dict[str, Any],
        ends: float,
        alone: Callable[[int, Tensor], Tensor],
    ) -> Tensor:
        """Theta ``(n, B, dim_theta)`` of a vector field with the samples outside the prior replaced."""

        def draw(number: int, rows: Tensor) -> Tensor:
            if time.monotonic() > ends:
                limit = raw["max_sampling_time"]
                raise RuntimeError(
                    f"rejection outside the prior took longer than max_sampling_time = {limit:g} s"
                )
            return self._posterior.sample_batched(torch.Size([number]), x=x[rows], **raw)

        # The prior in sbi's units that stays on the CPU; sbi's own is on the device.
        inside = InsidePrior(self._units.prior, theta.shape[-1])
        return inside.kept(theta, draw, lambda number, row: alone(number, x[row : row + 1]))

    def without_rejection(self) -> SbiPosterior:
        """Return a copy that keeps samples outside the prior's support."""
        raw = copy.copy(self)  # The copy shares the network and the counter of its evaluations.
        raw._options = self._options | {"reject_outside_prior": False}
        return raw

    def log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return sbi's log density ``(N,)``, in nats, of theta ``(N, dim_theta)`` given one x ``(1, dim_x)``.

        For a vector field it is computed by its ODE.
        """
        units = self._units
        return self._posterior.log_prob(units.theta(theta), x=units.x(x)) + units.log_slope

    def _counted(self, draw: Any, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        # Samples that are rejected outside the prior were evaluated, so they count.
        with torch.no_grad(), quietly():
            theta, self.nfe = self._evaluations.per_sample(
                lambda: draw(torch.Size(sample_shape), x=self._units.x(x).to(self._device), **self._options)
            )
        return self._units.original(theta)
