"""The certificate of a reference posterior: diagnostics of every observation and their thresholds."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from tasks.reference.diagnostics import bulk_ess, lag_one, rank_rhat, tail_ess

__all__ = ["NUM_CHAINS", "OPTIONAL", "THRESHOLDS", "chains_of", "diagnose", "failures", "verdict"]

Row = dict[str, Any]

NUM_CHAINS = 10  # chains in the stored draws; draw i is of chain i modulo this number
# Largest allowed values; for effective sample sizes, the smallest. ``evidence_z`` is a difference of log
# evidences in standard errors. ``solver_shift`` is the change of a mean or a standard deviation that a solver
# of twice the resolution causes, in posterior standard deviations.
THRESHOLDS = {
    "rhat_max": 1.01,
    "ess_bulk_min": 2000.0,
    "ess_tail_min": 2000.0,
    "lag_one_max": 0.05,
    "c2st": 0.52,
    "evidence_z": 4.0,
    "solver_shift": 0.05,
    "divergences": 0,
}
OPTIONAL = {"solver_shift", "divergences"}  # exist only if the task has a solver or a sampler with gradients


def chains_of(draws: Tensor) -> Tensor:
    """Reshape stored draws ``(N, D)`` to chains ``(10, N / 10, D)``."""
    return draws.reshape(-1, NUM_CHAINS, draws.shape[-1]).transpose(0, 1)


def diagnose(draws: Tensor) -> Row:
    """Diagnostics that can be computed from the stored draws ``(N, D)`` alone."""
    chains = chains_of(draws.double())
    return {
        "ess_bulk_min": round(float(bulk_ess(chains).min()), 1),
        "ess_tail_min": round(float(tail_ess(chains).min()), 1),
        "lag_one_max": round(float(lag_one(chains).max()), 4),
        "rhat_own": round(float(rank_rhat(chains).max()), 5),
    }


def failures(row: Row) -> list[str]:
    """Names of the thresholds that an observation's row misses.

    A threshold also counts as missed if its value was not measured, unless it is one of ``OPTIONAL``.
    """
    return [name for name, bound in THRESHOLDS.items() if not _keeps(name, row.get(name), bound)]


def _keeps(name: str, value: float | None, bound: float) -> bool:
    if value is None:
        return name in OPTIONAL
    return value >= bound if name.startswith("ess") else value <= bound


def verdict(rows: list[Row]) -> str:
    """A summary of the worst values of all rows, in one sentence for the task's card."""
    worst = {
        name: (min if name.startswith("ess") else max)(
            [row[name] for row in rows if row.get(name) is not None], default=None
        )
        for name in THRESHOLDS
    }
    between = "not measured" if worst["c2st"] is None else f"at most {worst['c2st']:.3f}"
    solver, divergent = worst["solver_shift"], worst["divergences"]
    halved = (
        ""
        if solver is None
        else f"; a solver of twice the resolution moves no moment by {max(solver, 1e-3):.3f} sd"
    )
    gradients = "" if divergent is None else f"; {divergent} divergent transitions"
    return (
        f"R-hat at most {worst['rhat_max']:.4f} (rank-normalised, both runs), ESS at least "
        f"{worst['ess_bulk_min']:.0f} in the bulk and {worst['ess_tail_min']:.0f} in the tails, lag-1 "
        f"autocorrelation at most {worst['lag_one_max']:.3f}, C2ST between the two runs {between}; evidences "
        f"within {worst['evidence_z']:.1f} standard errors{gradients}{halved}"
    )
