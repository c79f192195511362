"""Fresh pairs (theta, x) of prior and simulator, with posterior samples for each x."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.answers.checked_task import as_floats
from bench.metrics.metric_input import MetricError
from methods import Posterior
from tasks import Task
from tasks.contract.seeding import derive_seed

__all__ = ["LEVELS", "MIN_PAIRS", "NUM_SAMPLES", "CalibrationPairs", "calibration_pairs"]

MIN_PAIRS = 100  # below it sbi warns, and a KS distance says nothing
NUM_SAMPLES = 200  # posterior samples for each pair
LEVELS = np.linspace(0.05, 0.95, 19)  # where the curves are kept


@dataclass(frozen=True)
class CalibrationPairs:
    """Pairs and the posterior samples for their data.

    Attributes:
        theta: Parameters of the pairs, ``(N, D)``.
        x: Their data, ``(N, dim_x)``.
        samples: Posterior samples for each x, ``(L, N, D)``.

    Raises:
        MetricError: if a posterior sample is not finite.
    """

    theta: Tensor
    x: Tensor
    samples: Tensor

    def __post_init__(self) -> None:
        if not bool(self.samples.isfinite().all()):
            raise MetricError("calibration: posterior samples are not finite")

    @cached_property
    def ranks(self) -> np.ndarray:
        """Ranks of theta among its samples as numbers in (0, 1), ``(N, D)``; uniform if calibrated."""
        from sbi.diagnostics import run_sbc

        ranks, _ = run_sbc(self.theta, self.x, self._stored, **self._options)
        return ((ranks.double() + 0.5) / (len(self.samples) + 1)).numpy()

    @cached_property
    def tarp(self) -> np.ndarray:
        """Expected coverage by TARP at ``LEVELS``; reference points are drawn from torch's global state."""
        from sbi.diagnostics import run_tarp

        theta, samples = self._in_unit_range()
        expected, credibility = run_tarp(theta, self.x, _Stored(samples), **self._options)
        # sbi's credibility runs over the values that occur; outside them the curve is 0 or 1.
        ends = ([0.0, *credibility.tolist(), 1.0], [0.0, *expected.tolist(), 1.0])
        return np.interp(LEVELS, *ends)

    def _in_unit_range(self) -> tuple[Tensor, Tensor]:
        """Return theta and samples, scaled to the range of theta if it is small for sbi.

        sbi divides by the range of theta plus 1e-10, which is noticeable for a range below 1e-4.
        """
        low, high = self.theta.double().amin(0), self.theta.double().amax(0)
        width = (high - low).where(high > low, 1.0)
        if bool(((width > 1e-4) & (width < 1e15)).all()):
            return self.theta, self.samples
        return ((self.theta.double() - low) / width).float(), ((self.samples.double() - low) / width).float()

    @property
    def _stored(self) -> Any:
        return _Stored(self.samples)

    @property
    def _options(self) -> dict[str, Any]:
        return {"num_posterior_samples": len(self.samples), "show_progress_bar": False}


@contextlib.contextmanager
def calibration_pairs(
    task: Task, posterior: Posterior, num_pairs: int, seed: int
) -> Iterator[CalibrationPairs]:
    """Pairs of a task, sampled by a fitted posterior; torch's global state is the cell's while they are used.

    Arguments:
        task: Task whose prior and simulator give the pairs; they depend on task and seed alone.
        posterior: Amortized posterior, which samples for any x.
        num_pairs: Number of pairs, at least ``MIN_PAIRS``.
        seed: Seed of the cell.

    Raises:
        MetricError: if too few simulations are finite, or posterior samples are not.
    """
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed("calibration", task.name, seed))
        theta = task.prior().sample((num_pairs,)).float()
        x = task.simulate(theta, seed=derive_seed("calibration x", task.name, seed))
        good = x.isfinite().all(dim=1)
        if int(good.sum()) < MIN_PAIRS:
            raise MetricError(f"calibration: {int(good.sum())} of {num_pairs} simulations are finite")
        theta, x = theta[good], x[good]
        shape = (NUM_SAMPLES, *theta.shape)
        samples = as_floats(posterior.sample_batched((NUM_SAMPLES,), x=x), shape, "sample_batched")
        yield CalibrationPairs(theta, x, samples)


class _Stored:
    """Samples in hand, in the shape of a posterior: sbi's diagnostics would each draw their own."""

    def __init__(self, samples: Tensor) -> None:
        self.samples = samples

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor, **_: Any) -> Tensor:
        return self.samples
