"""One cell of a grid: simulate, fit once, then sample and score every observation."""

from __future__ import annotations

import hashlib
import json
import numbers
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import methods
import tasks
from bench.answers.checked_task import AnswerError, as_floats, checked
from bench.clock.energy import driver_version
from bench.clock.load import load_columns
from bench.clock.timing import peak_memory_mb, reset_peak_memory, timed, timed_repeatedly
from bench.metrics import Draws, MetricError
from bench.results.provenance import device_name, versions
from bench.results.schema import COLUMNS, Row
from bench.run.plugins import load_plugins
from bench.run.scoring import Scores, failure, score_calibration, score_draws
from bench.run.simulation_cache import Simulations, simulations
from bench.run.sources import source_sha256
from bench.run.warm_up import warm_up
from methods import Method, Posterior
from methods.baselines.method import HeldOutDraws
from methods.contract.priors import PriorError
from tasks import Task
from tasks.contract.seeding import derive_seed

__all__ = ["Cell", "blank_row", "failed_rows", "fit_cell", "run_cell"]


@dataclass(frozen=True)
class Cell:
    """One unit of work: one task, method, budget and seed.

    Two cells are the same (share a key and a file) if all fields but ``observations``, ``calibration``,
    ``plugins``, ``threads``, ``scoring_threads`` and ``timing`` agree.

    Arguments:
        task: Registered name.
        method: Specification, ``name[param=value,…]``.
        num_simulations: Budget.
        seed: Seed of the cell; simulations depend on task, budget and seed alone.
        num_samples: Posterior samples for an observation.
        device: ``cpu`` or ``cuda``.
        observations: Numbers of the observations to score, from 1.
        calibration: Number of pairs (theta, x) for the calibration of an amortized posterior; 0 for none.
        plugins: Paths of files to load so that the task and method are registered.
        threads: Number of torch's threads for simulating, training and sampling.
        scoring_threads: Number of torch's threads for the C2ST, which is the same on any number.
        timing: ``shared`` if other cells run at the same time, else ``exclusive``; a row becomes ``shared``
            if the load of other programs is found to be too high (:mod:`bench.clock.load`).
    """

    task: str
    method: str
    num_simulations: int
    seed: int
    num_samples: int
    device: str
    observations: tuple[int, ...]
    calibration: int = 0
    plugins: tuple[str, ...] = ()
    threads: int = 1
    scoring_threads: int = 1
    timing: str = "exclusive"

    def identity(self) -> Row:
        """Return the columns that identify the cell: full configuration, all parameters, and versions."""
        task, method = tasks.get(self.task), methods.get(self.method)
        return {
            "task": self.task,
            "task_version": str(task.version),
            "method": method.name,
            "params": json.dumps(method.model_dump(mode="json"), sort_keys=True),
            "method_version": str(method.version),
            "num_simulations": self.num_simulations,
            "seed": self.seed,
            "num_posterior_samples": self.num_samples,
            "device": self.device,
        }

    def sources(self) -> Row:
        """Return fingerprints of the present source code of the task and the method."""
        task, method = tasks.get(self.task), methods.get(self.method)
        return {"task_sha256": source_sha256(type(task)), "method_sha256": source_sha256(type(method))}

    @cached_property
    def key(self) -> str:
        """Name of the cell's file: a hash of :meth:`identity`."""
        return hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()[:20]

    @property
    def label(self) -> str:
        """Short description of the cell for messages."""
        return f"{self.task} {self.method} n={self.num_simulations} seed={self.seed}"

    def load_plugins(self) -> None:
        """Load the plug-ins in this process, so that a user's own task or method is registered here."""
        load_plugins(self.plugins)

    def only(self, observations: set[int]) -> Cell:
        """Return the same cell restricted to these of its observations."""
        kept = tuple(k for k in self.observations if k in observations)
        return self if kept == self.observations else replace(self, observations=kept)


def run_cell(cell: Cell, directory: Path | None = None) -> list[Row]:
    """Run a cell and return its rows, one for each observation.

    An observation that fails has ``status=error`` and the traceback in its row.

    Arguments:
        cell: Cell to run.
        directory: Directory where simulations are kept for other methods; None to simulate without it.
    """
    start = time.perf_counter()
    cell.load_plugins()
    torch.set_num_threads(cell.threads)
    rows = _scored(cell, directory)
    seconds = time.perf_counter() - start
    return [row | {"cell_s": seconds} for row in rows]


def failed_rows(cell: Cell, status: str, error: str) -> list[Row]:
    """Return one row for each observation of a cell that returned no rows itself."""
    return [
        blank_row(cell) | {"status": status, "error": error, "num_observation": k} for k in cell.observations
    ]


def blank_row(cell: Cell) -> Row:
    """Return a row with all columns, in which only those known before the cell runs have values."""
    return (
        dict.fromkeys(COLUMNS)
        | cell.identity()
        | versions()
        | cell.sources()
        | {
            "changed_params": json.dumps(
                methods.get(cell.method).model_dump(mode="json", exclude_defaults=True), sort_keys=True
            ),
            "status": "ok",
            "error": "",
            "timing": cell.timing,
            "cell": cell.key,
            "device_name": device_name(cell.device),
            "driver_version": driver_version(cell.device),
            "dtype": str(torch.get_default_dtype()).removeprefix("torch."),
            "threads": cell.threads,
            "batch_size": 1,
            "started_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
    )


def _scored(cell: Cell, directory: Path | None) -> list[Row]:
    blank = blank_row(cell)
    task, method = checked(tasks.get(cell.task)), methods.get(cell.method)
    bad = _bad_observations(task, cell)
    rows: dict[int, Row] = {k: blank | {"num_observation": k} | row for k, row in bad.items()}
    if len(bad) == len(cell.observations):
        return list(rows.values())
    try:
        method.check_prior(task.prior())
        warm_up(method, cell.device)
        blank |= load_columns(blank)
        data = simulations(task, cell.num_simulations, cell.seed, directory)
        blank |= {"simulate_s": data.seconds, "num_failed_simulations": data.num_failed}
        blank |= load_columns(blank)
        posterior, fitted = fit_cell(task, method, data, cell)
        blank |= fitted
    except Exception as error:
        failed = blank | _failure(error)
        return [rows.get(k, failed | {"num_observation": k}) for k in cell.observations]
    calibrated = Scores()
    if cell.calibration:
        blank |= {"num_calibration": cell.calibration}
        if method.amortized:
            score_calibration(calibrated, task, posterior, cell.calibration, cell.seed)
    draws: dict[int, Draws] = {}
    references: dict[int, Tensor | Exception | None] = {}
    for k in cell.observations:
        if k in bad:
            continue
        rows[k] = blank | {"num_observation": k} | load_columns(blank)
        try:
            references[k] = _reference(task, k)
            sampled, draws[k] = _sample(task, posterior, cell, k, blank, references[k])
        except Exception as error:
            rows[k] |= _failure(error)
            continue
        rows[k] |= sampled
    scores = {k: calibrated.copy() for k in draws}
    for k, score in scores.items():
        if isinstance(reference := references[k], Exception):
            score.fail("reference", reference)
    score_draws(draws, scores, partial(_metric_seed, cell), parallel=False)
    torch.set_num_threads(cell.scoring_threads)
    score_draws(draws, scores, partial(_metric_seed, cell), parallel=True)
    return [row | scores[k].row if k in scores else row for k, row in rows.items()]


def _bad_observations(task: Task, cell: Cell) -> dict[int, Row]:
    """Return the error columns of observations that cannot be used, before anything is simulated."""
    bad: dict[int, Row] = {}
    for k in cell.observations:
        try:
            task.observation(k)
        except Exception as error:
            bad[k] = _failure(error)
    return bad


def _failure(error: Exception) -> Row:
    """Return the columns of the exception that is being handled: one line if it explains itself."""
    if not isinstance(error, AnswerError | PriorError | MetricError):
        return failure()
    return {"status": "error", "error": f"{type(error).__name__}: {error}"}


def _metric_seed(cell: Cell, metric: str, num_observation: int) -> int:
    return derive_seed(metric, cell.task, cell.num_simulations, cell.seed, num_observation)


def _seed(purpose: str, cell: Cell, *more: int) -> int:
    return derive_seed(purpose, cell.task, cell.num_simulations, cell.seed, *more)


def fit_cell(task: Task, method: Method, data: Simulations, cell: Cell) -> tuple[Posterior, Row]:
    """Fit the method, and return the posterior and the columns that fitting fills."""
    reset_peak_memory(cell.device)
    seed = _seed("fit", cell)
    posterior, seconds = timed(
        lambda: method.with_likelihood(task.log_likelihood).fit(
            task.prior(), data.theta, data.x, device=cell.device, seed=seed
        ),
        cell.device,
    )
    if not callable(getattr(posterior, "sample", None)):
        raise AnswerError(f"method {method.name}: fit gives a {type(posterior).__name__}, not a Posterior")
    return posterior, {
        "train_s": seconds,
        "num_parameters": int(_number(posterior, "num_parameters", method)),
        "peak_memory_mb": peak_memory_mb(cell.device),
    }


def _sample(
    task: Task,
    posterior: Posterior,
    cell: Cell,
    num_observation: int,
    fitted: Row,
    reference: Tensor | Exception | None,
) -> tuple[Row, Draws]:
    """Sample the posterior at one observation.

    A reference that is an exception counts as none, except for the baseline that draws from the reference.

    Returns:
        The columns that sampling fills, and what metrics score: samples ``(S, dim_theta)`` and the shuffled
        reference draws ``(R, dim_theta)``, None if the task has none.
    """
    seed = _seed("sample", cell, num_observation)
    x_o = task.observation(num_observation)
    num_samples = cell.num_samples
    if isinstance(reference, Exception):
        if isinstance(posterior, HeldOutDraws):
            raise reference
        reference = None
    if reference is not None:
        generator = torch.Generator().manual_seed(_seed("reference order", cell, num_observation))
        order = torch.randperm(len(reference), generator=generator)
        reference = reference[order]
    if isinstance(posterior, HeldOutDraws):
        if reference is None:
            raise MetricError(f"task {task.name} has no reference posterior")
        reference, held_out = reference.tensor_split(2)
        num_samples = min(num_samples, len(held_out))
        posterior.hold(x_o, held_out)
    reset_peak_memory(cell.device)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        samples, clock = timed_repeatedly(lambda: posterior.sample((num_samples,), x=x_o), cell.device)
    samples = _checked(samples, (num_samples, task.dim_theta))
    row: Row = {
        "num_posterior_samples": len(samples),
        "samples_sha256": hashlib.sha256(samples.numpy().tobytes()).hexdigest(),
        "sample_s": clock.seconds,
        "sample_s_iqr": clock.iqr,
        "energy_j": clock.joules,
        "nfe": _number(posterior, "nfe", methods.get(cell.method)),
        "peak_memory_mb": max(fitted["peak_memory_mb"], peak_memory_mb(cell.device)),
    }
    return row, Draws(task, num_observation, samples, reference, device=cell.device)


def _reference(task: Task, num_observation: int) -> Tensor | Exception | None:
    """Return reference draws, or what was raised instead: the observation is then scored without them."""
    try:
        return task.reference_samples(num_observation)
    except Exception as error:
        return error


def _number(posterior: Posterior, name: str, method: Method) -> float:
    """Return an attribute of a posterior that has to be one real number."""
    value = getattr(posterior, name, 0)
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    whole = name == "num_parameters"
    number = float(value) if isinstance(value, numbers.Real) else None
    if number is None or (whole and not number.is_integer()):
        wanted = "a whole number" if whole else "a number"
        raise AnswerError(f"method {method.name}: {name} of its posterior is {value!r}, not {wanted}")
    return number


def _checked(samples: Any, shape: tuple[int, int]) -> Tensor:
    """Return the samples as float32 on the CPU, if they have that shape and are finite.

    Raises:
        AnswerError: if they are no real numbers.
        ValueError: if they have another shape or are not finite.
    """
    samples = as_floats(samples, None, "the posterior")
    if samples.shape != shape:
        raise ValueError(f"the posterior gave samples of shape {tuple(samples.shape)}, not {shape}")
    bad = int((~samples.isfinite().all(dim=1)).sum())
    if bad:
        raise ValueError(f"posterior samples: {bad} of {len(samples)} rows are not finite")
    return samples
