"""Making a task's reference posterior and its certificate, as ``scorebench reference TASK`` does.

Every observation gets two independent runs, which share only the likelihood. This is always the task's own
likelihood, never a surrogate. The first run uses the sampler that the task names, and its draws are stored;
the second run checks the first. If both missed a mode, their evidences would be too small, so these must also
agree with the mean likelihood of plain prior draws.
"""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from torch import Tensor

from tasks.contract.seeding import derive_seed
from tasks.reference.certificate import NUM_CHAINS, THRESHOLDS, diagnose, failures, verdict
from tasks.reference.diagnostics import rank_rhat
from tasks.reference.metropolis import CHAINS, KEPT, WARM_UP, log_mean_exp
from tasks.reference.runs import CHECKS, HMC_THIN, SAMPLERS, PriorDraws, ReferenceRun
from tasks.stored.files import write_reference
from tasks.tools.certified_task import CertifiedTask

__all__ = ["MakeReferenceError", "make_reference"]

POOL = 50_000  # prior draws of each run
SEED = 2506_18227
CHECKED = 1000  # approximate number of draws that are checked with the finer solver
TIMED = 10_000  # simulations whose time is measured
PACKAGES = ("numpy", "scipy", "torch", "scikit-learn", "pyro-ppl")

TwoSample = Callable[[Tensor, Tensor], float]
Row = dict[str, Any]


class MakeReferenceError(RuntimeError):
    """A reference posterior misses a threshold, so nothing is written."""


def make_reference(
    task: CertifiedTask, two_sample: TwoSample, say: Callable[[str], None], jobs: int = 1
) -> None:
    """Make, check and store a task's reference draws, observations, true parameters and certificate.

    Arguments:
        task: Task whose stored files are replaced.
        two_sample: C2ST, a function of two samples ``(N, D)``.
        say: Function that receives a line of text after every observation and at the end.
        jobs: Number of observations that are processed in parallel; the draws do not depend on it.

    Raises:
        MakeReferenceError: if a threshold is missed; the message names observations and thresholds.
    """
    priors = [PriorDraws(task, POOL, [SEED, run]) for run in range(2)]
    numbers = range(1, task.num_observations + 1)
    made = Parallel(jobs, return_as="generator")(
        delayed(_observation)(task, priors, k, two_sample) for k in numbers
    )
    rows: list[Row] = []
    arrays: dict[str, list[np.ndarray]] = {}
    for row, parts in made:
        say(f"{row}")
        rows.append(row)
        for name, value in parts.items():
            arrays.setdefault(name, []).append(value.numpy())
    missed = {row["num_observation"]: bad for row in rows if (bad := failures(row))}
    if missed:
        raise MakeReferenceError(f"nothing written; observations that miss a threshold: {missed}")
    certificate = _certificate(task, rows)
    write_reference(task.name, {key: np.stack(value) for key, value in arrays.items()}, certificate)
    say(certificate["verdict"])


def _observation(
    task: CertifiedTask, priors: list[PriorDraws], k: int, two_sample: TwoSample
) -> tuple[Row, dict[str, Tensor]]:
    """The certificate's row of an observation, and the arrays that are stored for it."""
    truth, x_o = task.simulated_truth(k)
    pools = [prior.at(x_o) for prior in priors]
    runs = [
        samplers[task.reference_by](task, priors[run].coordinates, x_o, pools[run], SEED + 100 * k + run)
        for run, samplers in enumerate((SAMPLERS, CHECKS))
    ]
    log_l = np.concatenate([pool.log_likelihood for pool in pools])
    parts = {"draws": runs[0].draws, "true_theta": truth[0], "observation": x_o[0]}
    return _row(task, k, x_o, runs, log_l, two_sample), parts


def _row(
    task: CertifiedTask,
    k: int,
    x_o: Tensor,
    runs: list[ReferenceRun],
    log_l_prior: np.ndarray,
    two_sample: TwoSample,
) -> Row:
    plain, plain_se = log_mean_exp(log_l_prior)
    z = [abs(run.log_evidence - plain) / np.hypot(run.log_evidence_se, plain_se) for run in runs]
    divergences = [run.figures["divergences"] for run in runs if "divergences" in run.figures]
    chains = [run.draws.reshape(KEPT, NUM_CHAINS, -1).transpose(0, 1) for run in runs]
    return {
        "num_observation": k,
        "rhat_max": round(float(rank_rhat(torch.cat(chains)).max()), 5),
        **diagnose(runs[0].draws.float()),
        "c2st": round(two_sample(runs[0].draws.float(), runs[1].draws.float()), 4),
        "evidence_z": round(float(max(z)), 2),
        "divergences": sum(divergences) if divergences else None,
        "solver_shift": _solver_shift(task, runs[0].draws, x_o),
        "log_evidence": [round(run.log_evidence, 4) for run in runs],
        "log_evidence_prior": round(plain, 4),
        "runs": [run.figures for run in runs],
    }


def _solver_shift(task: CertifiedTask, draws: Tensor, x_o: Tensor) -> float | None:
    """The largest change of the draws' means and standard deviations under the finer solver's likelihood.

    It is given in posterior standard deviations, and is None if the signal has a closed form.
    """
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


def _certificate(task: CertifiedTask, rows: list[Row]) -> Row:
    chains = f"{CHAINS} chains, {WARM_UP} steps of warm-up, "
    metropolis = f"independence Metropolis on the exact likelihood, {chains}every {task.thin}th step kept"
    samplers = {
        "grid": "independent draws by a float64 grid refined where the density is; checked by " + metropolis,
        "hmc": f"Hamiltonian Monte Carlo on the exact gradient, {chains}every {HMC_THIN}th step kept",
        "metropolis": metropolis,
    }
    return {
        "task": task.name,
        "task_version": task.version,
        "command": f"scorebench reference {task.name}",
        "sampler": samplers[task.reference_by],
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


def _speed(task: CertifiedTask) -> str:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        theta, seed = task.prior().sample((TIMED,)), derive_seed("speed", task.name)
        start = time.perf_counter()
        task.simulate(theta, seed)
        seconds = time.perf_counter() - start
    finally:
        torch.set_num_threads(threads)
    return f"{TIMED} simulations in {seconds:.2g} s on one core"
