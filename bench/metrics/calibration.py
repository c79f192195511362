"""Calibration of an amortized posterior, measured on fresh draws from the prior and the simulator.

Three measures are computed from one set of posterior samples: ranks of simulation-based calibration, coverage
of the central intervals of each parameter, and TARP. Ranks and TARP are those of ``sbi.diagnostics``.

References: Talts et al., Validating Bayesian inference algorithms with simulation-based calibration, 2018
(arXiv 1804.06788); Lemos et al., Sampling-based accuracy testing of posterior estimators, ICML 2023.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.metrics.calibration_pairs import LEVELS, CalibrationPairs, calibration_pairs
from bench.metrics.metric import CalibrationMetric, Score
from bench.metrics.registry import register_metric
from methods import Posterior
from tasks import Task

__all__ = ["CoverageError", "SbcKs", "TarpEce", "calibrate", "scores"]


@register_metric("sbc_ks")
class SbcKs(CalibrationMetric):
    """Largest Kolmogorov-Smirnov distance of a parameter's calibration ranks from uniform; 0 is perfect."""

    curves = ("sbc_curve",)  # parameters x levels
    source = "Talts et al. 2018 (arXiv 1804.06788)"

    def score(self, pairs: CalibrationPairs) -> Score:
        """Distance, and the cumulative ranks of each parameter at ``LEVELS``."""
        from scipy.stats import kstest

        ecdf = (pairs.ranks[:, :, None] < LEVELS).mean(0)
        distance = max(float(kstest(column, "uniform").statistic) for column in pairs.ranks.T)
        return {"sbc_ks": distance, "sbc_curve": ecdf.ravel().tolist()}


@register_metric("coverage_error")
class CoverageError(CalibrationMetric):
    """Mean distance of central intervals' coverage from nominal; 0 is perfect."""

    curves = ("coverage_curve",)
    source = "Hermans et al., A crisis in simulation-based inference?, TMLR 2022"

    def score(self, pairs: CalibrationPairs) -> Score:
        """Mean over parameters and ``LEVELS``, and coverage at each level, averaged over parameters."""
        covered = (np.abs(2.0 * pairs.ranks - 1.0)[:, :, None] < LEVELS).mean(0)
        error = float(np.abs(covered - LEVELS).mean())
        return {"coverage_error": error, "coverage_curve": covered.mean(0).tolist()}


@register_metric("tarp_ece")
class TarpEce(CalibrationMetric):
    """Mean distance of TARP's expected coverage from nominal; 0 is perfect."""

    curves = ("tarp_curve",)
    source = "Lemos et al., ICML 2023 (arXiv 2302.03026)"

    def score(self, pairs: CalibrationPairs) -> Score:
        """Mean over ``LEVELS``, and expected coverage at each level."""
        return {"tarp_ece": float(np.abs(pairs.tarp - LEVELS).mean()), "tarp_curve": pairs.tarp.tolist()}


def scores(pairs: CalibrationPairs) -> dict[str, Any]:
    """Columns of the three metrics of this file, see their classes."""
    found: dict[str, Any] = {}
    for metric in (SbcKs(), CoverageError(), TarpEce()):
        found |= metric.row(metric.score(pairs))
    return found


def calibrate(task: Task, posterior: Posterior, num_pairs: int, seed: int) -> dict[str, Any]:
    """Calibration columns of a fitted posterior; the arguments are those of :func:`calibration_pairs`."""
    with calibration_pairs(task, posterior, num_pairs, seed) as pairs:
        return {"num_calibration_finite": len(pairs.theta)} | scores(pairs)
