"""Makes a task's reference posterior and its certificate: ``scorebench reference TASK``.

For every observation two runs that share nothing but the likelihood, which is the task's own, never a
surrogate's. The second is always independence Metropolis; the first, whose draws are stored, is it again or,
where the task says so, a grid's. As a check against modes that both missed, either's evidence has to agree
with the mean likelihood of plain draws of the prior.
"""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tasks.reference.certificate import NUM_CHAINS, THRESHOLDS, diagnose, failures, verdict
from tasks.reference.coordinates import PriorCoordinates
from tasks.reference.diagnostics import rank_rhat
from tasks.reference.grid import sample_on_grid
from tasks.reference.proposal import Pool
from tasks.reference.sampler import CHAINS, KEPT, THIN, WARM_UP, log_mean_exp, sample_posterior
from tasks.reference.store import write_reference
from tasks.signal_task import SignalTask

__all__ = ["ReferenceError", "make_reference"]

POOL = 50_000  # draws of the prior, for each run its own
SEED = 2506_18227
CHECKED = 1000  # draws that the finer solver is asked about
TIMED = 10_000  # simulations
PACKAGES = ("numpy", "scipy", "torch", "scikit-learn", "pyro-ppl")

TwoSample = Callable[[Tensor, Tensor], float]
Row = dict[str, Any]


class ReferenceError(RuntimeError):
    """A reference posterior that misses a threshold: nothing is written."""


@dataclass(frozen=True)
class _Run:
    """Draws ``(10_000, D)`` in the order of the store, log evidence with its error, and how it went."""

    draws: Tensor
    log_evidence: float
    log_evidence_se: float
    figures: Row


def make_reference(task: SignalTask, two_sample: TwoSample, say: Callable[[str], None]) -> None:
    """Make, check and store draws, observations, truths and certificate of all observations.

    Arguments:
        task: Whose files are written anew.
        two_sample: C2ST of two samples.
        say: Hears of every observation.

    Raises:
        ReferenceError: naming the observations and thresholds that are missed.
    """
    coordinates = PriorCoordinates(task.prior())
    pools = []
    for run in range(2):
        u = np.random.default_rng([SEED, run]).standard_normal((POOL, coordinates.dim))
        pools.append((u, task.signal(coordinates.of_normal(u))))
    rows: list[Row] = []
    arrays: dict[str, list[np.ndarray]] = {"draws": [], "true_theta": [], "observation": []}
    for k in range(1, task.num_observations + 1):
        truth, x_o = task.simulated_truth(k)
        own = [Pool(u, task.log_likelihood_of(signal, x_o).numpy()) for u, signal in pools]
        seeds = (SEED + 100 * k, SEED + 100 * k + 1)
        first = _grid if task.reference_by == "grid" else _metropolis
        runs = [
            make(task, coordinates, x_o, pool, seed)
            for make, pool, seed in zip((first, _metropolis), own, seeds, strict=True)
        ]
        rows.append(
            _row(task, k, x_o, runs, np.concatenate([pool.log_likelihood for pool in own]), two_sample)
        )
        say(f"{rows[-1]}")
        for name, value in zip(arrays, (runs[0].draws, truth[0], x_o[0]), strict=True):
            arrays[name].append(value.numpy())
    missed = {row["num_observation"]: bad for row in rows if (bad := failures(row))}
    if missed:
        raise ReferenceError(f"nothing written; observations that miss a threshold: {missed}")
    certificate = _certificate(task, rows)
    write_reference(task.name, {key: np.stack(value) for key, value in arrays.items()}, certificate)
    say(certificate["verdict"])


def _grid(task: SignalTask, coordinates: PriorCoordinates, x_o: Tensor, pool: Pool, seed: int) -> _Run:
    def log_likelihood(v: np.ndarray) -> np.ndarray:
        return task.log_likelihood(coordinates.of_cube(v), x_o).numpy()

    grid = sample_on_grid(log_likelihood, coordinates.dim, CHAINS * KEPT, seed)
    figures = {
        "acceptance": round(grid.acceptance, 4),
        "num_cells": grid.num_cells,
        "num_solves": grid.num_evaluations,
    }
    return _Run(coordinates.of_cube(grid.draws), grid.log_evidence, 0.0, figures)


def _metropolis(task: SignalTask, coordinates: PriorCoordinates, x_o: Tensor, pool: Pool, seed: int) -> _Run:
    def log_likelihood(u: np.ndarray) -> np.ndarray:
        return task.log_likelihood(coordinates.of_normal(u), x_o).numpy()

    run = sample_posterior(log_likelihood, np.ones(coordinates.dim), pool, seed)
    u = run.draws.swapaxes(0, 1).reshape(CHAINS * KEPT, -1)
    figures = {"acceptance": round(run.acceptance, 4), "num_solves": run.num_solves}
    return _Run(coordinates.of_normal(u), run.log_evidence, run.log_evidence_se, figures)


def _row(
    task: SignalTask, k: int, x_o: Tensor, runs: list[_Run], log_l_prior: np.ndarray, two_sample: TwoSample
) -> Row:
    plain, plain_se = log_mean_exp(log_l_prior)
    z = [abs(run.log_evidence - plain) / np.hypot(run.log_evidence_se, plain_se) for run in runs]
    chains = [run.draws.reshape(KEPT, NUM_CHAINS, -1).transpose(0, 1) for run in runs]
    return {
        "num_observation": k,
        "rhat_max": round(float(rank_rhat(torch.cat(chains)).max()), 5),
        **diagnose(runs[0].draws.float()),
        "c2st": round(two_sample(runs[0].draws.float(), runs[1].draws.float()), 4),
        "evidence_z": round(float(max(z)), 2),
        "solver_shift": _solver_shift(task, runs[0].draws, x_o),
        "log_evidence": [round(run.log_evidence, 4) for run in runs],
        "log_evidence_prior": round(plain, 4),
        "runs": [run.figures for run in runs],
    }


def _solver_shift(task: SignalTask, draws: Tensor, x_o: Tensor) -> float | None:
    """What the finer solver's likelihood moves the draws' means and deviations by, in deviations."""
    some = draws[:: max(1, len(draws) // CHECKED)]
    finer = task.finer_signal(some)
    if finer is None:
        return None
    change = task.log_likelihood_of(finer, x_o) - task.log_likelihood_of(task.signal(some), x_o)
    weights = torch.softmax(change, dim=0)[:, None]
    mean, std = some.mean(0), some.std(0, correction=0)
    new_mean = (weights * some).sum(0)
    new_std = (weights * (some - new_mean) ** 2).sum(0).sqrt()
    return round(float(torch.maximum((new_mean - mean).abs(), (new_std - std).abs()).div(std).max()), 5)


def _certificate(task: SignalTask, rows: list[Row]) -> Row:
    metropolis = (
        f"independence Metropolis on the exact likelihood, {CHAINS} chains, {WARM_UP} steps of warm-up, "
        f"every {THIN}th of {THIN * KEPT} steps kept"
    )
    grid = "independent draws by rejection from a float64 grid refined where the density is; checked by "
    return {
        "task": task.name,
        "task_version": task.version,
        "command": f"scorebench reference {task.name}",
        "sampler": grid + metropolis if task.reference_by == "grid" else metropolis,
        "verdict": verdict(rows),
        "speed": _speed(task),
        "thresholds": THRESHOLDS,
        "num_chains": NUM_CHAINS,
        "num_draws": CHAINS * KEPT,
        "seed": SEED,
        "num_prior_draws": 2 * POOL,
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "observations": rows,
    }


def _speed(task: SignalTask) -> str:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        theta = task.prior().sample((TIMED,))
        start = time.perf_counter()
        task.simulate(theta, seed=1)
        seconds = time.perf_counter() - start
    finally:
        torch.set_num_threads(threads)
    return f"{TIMED} simulations in {seconds:.2g} s on one core"
