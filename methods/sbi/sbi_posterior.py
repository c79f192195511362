"""An sbi posterior as a posterior of this suite: seeded, quiet, and with counted network evaluations."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from methods.contract.base import Posterior
from methods.contract.counting import Evaluations
from methods.sbi.estimators import run_by_one_evaluation
from methods.sbi.sbi_training import quietly
from methods.sbi.units import Units
from methods.sbi.watched_prior import WatchedPrior

__all__ = ["SbiPosterior"]

BATCH = 2**16  # Number of samples drawn from a flow at once.


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
        strongly outside the prior, this would repeat the draws of all others a thousand times. So a flow is
        sampled once for all rows, and samples outside the prior are then replaced row by row.

        Raises:
            RuntimeError: If rejection takes longer than ``max_sampling_time``, or is predicted to.
        """
        if self._is_flow and self._options["reject_outside_prior"]:
            return self._counted(self._redrawn, sample_shape, x)
        return self._counted(self._rejecting(self._posterior.sample_batched), sample_shape, x)

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
        redraw = self._rejecting(self._posterior.sample)
        parts = []
        for rows in x.split(max(1, BATCH // sample_shape.numel())):
            theta = self._posterior.sample_batched(sample_shape, x=rows, **raw)
            outside = ~self._posterior.prior.support.check(theta)
            for k in outside.any(dim=0).nonzero().flatten().tolist():
                again = outside[:, k]
                theta[again, k] = redraw(torch.Size([int(again.sum())]), x=rows[k : k + 1], **options)
            parts.append(theta)
        return torch.cat(parts, dim=1)

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
