"""Calibration of an amortized posterior, measured on fresh draws from the prior and the simulator.

Three measures are computed from one set of posterior samples: ranks of simulation-based calibration (Talts et
al. 2018), coverage of the central intervals of each parameter, and TARP (Lemos et al. 2023). Ranks and TARP
are those of sbi.diagnostics.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.stats import kstest
from torch import Tensor

from bench.metrics import MetricError
from methods import Posterior
from tasks import Task
from tasks.contract.seeding import derive_seed

__all__ = ["LEVELS", "MIN_PAIRS", "NUM_SAMPLES", "calibrate", "scores"]

MIN_PAIRS = 100  # with fewer pairs, sbi warns and a KS distance has no meaning
NUM_SAMPLES = 200  # posterior samples per pair
LEVELS = np.linspace(0.05, 0.95, 19)  # credibility levels at which the curves are stored


def calibrate(task: Task, posterior: Posterior, num_pairs: int, seed: int) -> dict[str, Any]:
    """Return the calibration columns of a fitted posterior.

    Arguments:
        task: Task whose prior and simulator give the pairs (theta, x), which depend on task and seed only.
        posterior: Amortized posterior, which can sample for any x.
        num_pairs: Number of pairs; at least ``MIN_PAIRS``.
        seed: Seed of the cell.

    Raises:
        MetricError: if fewer than ``MIN_PAIRS`` simulations are finite, or posterior samples are not finite.
    """
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed("calibration", task.name, seed))
        theta = task.prior().sample((num_pairs,)).float()
        x = task.simulate(theta, seed=derive_seed("calibration x", task.name, seed))
        good = x.isfinite().all(dim=1)
        if int(good.sum()) < MIN_PAIRS:
            raise MetricError(f"calibration: {int(good.sum())} of {num_pairs} simulations are finite")
        theta, x = theta[good], x[good]
        samples = posterior.sample_batched((NUM_SAMPLES,), x=x).detach().cpu().float()
        return {"num_calibration_finite": len(theta)} | scores(theta, x, samples)


def scores(theta: Tensor, x: Tensor, samples: Tensor) -> dict[str, Any]:
    """Return distances from perfect calibration, and the curves that they are computed from.

    Arguments:
        theta: Parameters of the pairs, ``(N, D)``.
        x: Data of the pairs, ``(N, dim_x)``.
        samples: Posterior samples for each x, ``(L, N, D)``.

    Returns:
        ``sbc_ks``, the largest Kolmogorov-Smirnov distance of a parameter's ranks from uniform;
        ``coverage_error``, the mean absolute difference of coverage from its nominal level, over parameters
        and ``LEVELS``; ``tarp_ece``, the same for TARP's expected coverage; and the curves ``sbc_curve``
        (parameters × levels, flattened), ``coverage_curve`` and ``tarp_curve`` (levels) as lists.

    Raises:
        MetricError: if posterior samples are not finite.
    """
    from sbi.diagnostics import run_sbc, run_tarp

    if not bool(samples.isfinite().all()):
        raise MetricError("calibration: posterior samples are not finite")
    stored: Any = _Stored(samples)
    options: dict[str, Any] = {"num_posterior_samples": len(samples), "show_progress_bar": False}
    ranks, _ = run_sbc(theta, x, stored, **options)
    u = ((ranks.double() + 0.5) / (len(samples) + 1)).numpy()
    ecdf = (u[:, :, None] < LEVELS).mean(0)
    covered = (np.abs(2.0 * u - 1.0)[:, :, None] < LEVELS).mean(0)
    expected, credibility = run_tarp(theta, x, stored, **options)
    # sbi's credibility covers only the values that occur; outside them the curve is 0 or 1.
    ends = ([0.0, *credibility.tolist(), 1.0], [0.0, *expected.tolist(), 1.0])
    tarp = np.interp(LEVELS, *ends)
    return {
        "sbc_ks": max(float(kstest(column, "uniform").statistic) for column in u.T),
        "coverage_error": float(np.abs(covered - LEVELS).mean()),
        "tarp_ece": float(np.abs(tarp - LEVELS).mean()),
        "sbc_curve": ecdf.ravel().tolist(),
        "coverage_curve": covered.mean(0).tolist(),
        "tarp_curve": tarp.tolist(),
    }


class _Stored:
    """Existing samples as a posterior, so that sbi's diagnostics share them and do not draw their own."""

    def __init__(self, samples: Tensor) -> None:
        self.samples = samples

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor, **_: Any) -> Tensor:
        return self.samples
