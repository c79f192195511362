"""One cell of a grid: simulate, fit once, then sample and score every observation."""

from __future__ import annotations

import contextlib
import hashlib
import json
import numbers
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor

import methods
import tasks
from bench.clock.energy import driver_version
from bench.clock.load import load_columns
from bench.clock.timing import peak_memory_mb, reset_peak_memory, timed, timed_repeatedly
from bench.metrics import Draws, MetricError
from bench.results.provenance import device_name, versions
from bench.results.schema import COLUMNS, Row
from bench.run import isolation
from bench.run.global_state import SHARED, GlobalState, watched
from bench.run.plugins import SUITE, load_plugins
from bench.run.scoring import Predictive, Scores, failure, score_calibration, score_draws
from bench.run.simulation_cache import Simulations, simulations
from bench.run.sources import source_sha256
from bench.run.warm_up import warm_up
from methods import Method, Posterior
from methods.baselines.method import HeldOutDraws
from tasks import Task
from tasks.contract.seeding import derive_seed

__all__ = ["Cell", "blank_row", "failed_rows", "fit_cell", "run_cell"]


@dataclass(frozen=True)
class Cell:
    """One unit of work: one task, method, budget and seed.

    Two cells are the same (share a key and a file) if all fields but ``observations``, ``calibration``,
    ``plugins``, ``threads``, ``scoring_threads``, ``timing`` and ``metrics`` agree.

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
        metrics: Names of the metrics to compute; None for all.
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
    metrics: tuple[str, ...] | None = None

    def identity(self) -> Row:
        """Return the columns that identify the cell: full configuration, all parameters, and versions."""
        task, method = tasks.get(self.task), methods.get(self.method)
        return {
            "task": self.task,
            "task_version": task.version,
            "method": method.name,
            "params": json.dumps(method.model_dump(mode="json"), sort_keys=True),
            "method_version": method.version,
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
        return replace(self, observations=tuple(k for k in self.observations if k in observations))


class ChangedStateError(RuntimeError):
    """The code of a task or method left global state changed, which later cells would share."""


class _OverdueError(BaseException):
    """An observation took longer than its share of the cell's time. No ``except Exception`` catches it."""


def run_cell(cell: Cell, directory: Path | None = None) -> list[Row]:
    """Run a cell and return its rows, one for each observation.

    An observation that fails has ``status=error`` and the traceback in its row. So has one whose task or
    method raises ``SystemExit``, or leaves global state changed (:mod:`bench.run.global_state`).

    The number of each observation is reported when its sampling begins, and 0 when that ends.

    If the cell has a time limit (:func:`bench.run.isolation.seconds_left`), an observation that takes longer
    than its share of what is left is interrupted and tried again at the end. The rows of the others are
    reported before that (:func:`bench.run.isolation.report`), so that reaching the limit does not lose them.

    Arguments:
        cell: Cell to run.
        directory: Directory where simulations are kept for other methods; None to simulate without it.
    """
    start = time.perf_counter()
    cell.load_plugins()
    torch.set_num_threads(cell.threads)
    with watched(SUITE, SHARED) as state:
        rows: list[Row] = []
        for some, more in _scored(cell, directory, state):
            seconds = time.perf_counter() - start
            done = [_plain(row | {"cell_s": seconds}) for row in some]
            if more:
                isolation.report(done)
            rows += done
    order = {k: index for index, k in enumerate(cell.observations)}
    return sorted(rows, key=lambda row: order[row["num_observation"]])


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


def _scored(cell: Cell, directory: Path | None, state: GlobalState) -> Iterator[tuple[list[Row], bool]]:
    """Yield the rows of a cell, in one list or in several, and whether more will follow."""
    blank = blank_row(cell)
    task, method = tasks.get(cell.task), methods.get(cell.method)
    try:
        with _left_alone(state, f"simulating {cell.task}"):
            warm_up(method, cell.device)
            blank |= load_columns(blank)
            data = simulations(task, cell.num_simulations, cell.seed, directory)
            blank |= {"simulate_s": data.seconds, "num_failed_simulations": data.num_failed}
            blank |= load_columns(blank)
        with _left_alone(state, f"fitting {cell.method}"):
            posterior, fitted = fit_cell(task, method, data, cell)
            blank |= fitted
    except BaseException as error:
        if isolation.ends_run(error):
            raise
        yield [blank | failure() | {"num_observation": k} for k in cell.observations], False
        return
    calibrated = Scores()
    if cell.calibration:
        blank |= {"num_calibration": cell.calibration}
        if method.amortized:
            score_calibration(calibrated, task, posterior, cell.calibration, cell.seed, cell.metrics)
    checked = cell.metrics is None or "ppc" in cell.metrics
    predictive = Predictive(task, data if checked else None, _seed("time of a simulation", cell))
    if predictive.line:
        isolation.report(predictive.line)

    def sampled(k: int, parts: int) -> tuple[Row, Draws | None]:
        """The row of an observation and what is to be scored; an _OverdueError leaves after its share."""
        row = blank | {"num_observation": k} | load_columns(blank)
        torch.set_num_threads(cell.threads)
        isolation.report(k)
        try:
            with _left_alone(state, f"sampling {cell.method}"), _interrupted_after(_share(parts)):
                more, draws = _sample(task, posterior, cell, k, blank)
        except BaseException as error:
            if isolation.ends_run(error) or isinstance(error, _OverdueError):
                raise
            return row | failure(), None
        finally:
            isolation.report(0)
        return row | more, draws

    def restore() -> None:
        if state.restored(but=("torch's number of threads",)):
            isolation.retire()

    def scored(rows: dict[int, Row], draws: dict[int, Draws]) -> list[Row]:
        for k, one in draws.items():
            draws[k] = replace(one, task=predictive.counting(), num_predictive=predictive.number)
        scores = {k: calibrated.copy() for k in draws}
        for parallel in (False, True):
            if parallel:
                torch.set_num_threads(cell.scoring_threads)
            seed = partial(_metric_seed, cell)
            score_draws(draws, scores, seed, parallel=parallel, chosen=cell.metrics, after=restore)
        for k, one in draws.items():
            scores[k].set(num_predictive=predictive.made(one.task))
        return [row | scores[k].row if k in scores else row for k, row in rows.items()]

    rows: dict[int, Row] = {}
    draws: dict[int, Draws] = {}
    overdue: list[int] = []
    for index, k in enumerate(cell.observations):
        left = len(cell.observations) - index
        try:  # one more part is for scoring
            rows[k], one = sampled(k, left + 1 if len(cell.observations) > 1 else 0)
        except _OverdueError:
            overdue.append(k)
            continue
        if one is not None:
            draws[k] = one
    yield scored(rows, draws), bool(overdue)
    for index, k in enumerate(overdue):
        start = time.monotonic()
        try:
            row, one = sampled(k, len(overdue) - index)
        except _OverdueError:
            text = f"OutOfTimeError: not done after {time.monotonic() - start:.1f} s, its share of the limit"
            late = {"num_observation": k, "status": "timeout", "error": text}
            yield [blank | late], k != overdue[-1]
            continue
        yield scored({k: row}, {} if one is None else {k: one}), k != overdue[-1]


@contextlib.contextmanager
def _left_alone(state: GlobalState, what: str) -> Iterator[None]:
    """Return a context for code of a task or method, after which global state is what it was.

    Raises:
        ChangedStateError: if the code left it changed.
    """
    try:
        yield
    except BaseException as error:
        if state.restored() or not isinstance(error, Exception):
            isolation.retire()
        raise
    changes = state.restored()
    if changes:
        isolation.retire()
        raise ChangedStateError(
            f"{what} left global state changed, which other cells share: {'; '.join(changes)}"
        )


def _share(parts: int) -> float | None:
    """Return an equal share of the cell's remaining seconds; None without a time limit or without parts."""
    left = isolation.seconds_left()
    return None if left is None or not parts else max(left / parts, 0.01)


@contextlib.contextmanager
def _interrupted_after(seconds: float | None) -> Iterator[None]:
    """Return a context in which an _OverdueError is raised after some seconds; None for never.

    Code that does not return to Python is not interrupted, and nothing is on Windows. The limit of the whole
    cell, at which its process is killed, still holds.
    """
    main = threading.current_thread() is threading.main_thread()
    if seconds is None or not main or not hasattr(signal, "setitimer"):
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise _OverdueError

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _plain(row: Row) -> Row:
    """Return a row of Python's own types, which can be stored and sent to another process.

    A value of another kind, which a method may have given for one of its attributes, makes it an error row.
    """
    plain: Row = {}
    wrong: Row = {}
    for name, value in row.items():
        try:
            plain[name] = _plain_value(value)
        except BaseException as error:
            if isolation.ends_run(error):
                raise
            plain[name] = None
            text = f"TypeError: column {name}: a number was wanted, not {type(value).__name__}"
            wrong = {"status": "error", "error": text}
    return plain | wrong


def _plain_value(value: object) -> object:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, list | tuple):
        return [_plain_value(one) for one in value]
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value)  # type: ignore[arg-type]


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
    return posterior, {
        "train_s": seconds,
        "num_parameters": posterior.num_parameters,
        "peak_memory_mb": peak_memory_mb(cell.device),
    }


def _sample(
    task: Task, posterior: Posterior, cell: Cell, num_observation: int, fitted: Row
) -> tuple[Row, Draws]:
    """Sample the posterior at one observation.

    Returns:
        The columns that sampling fills, and what metrics score: samples ``(S, dim_theta)`` and the shuffled
        reference draws ``(R, dim_theta)``, None if the task has none.
    """
    seed = _seed("sample", cell, num_observation)
    x_o = task.observation(num_observation)
    reference = task.reference_samples(num_observation)
    num_samples = cell.num_samples
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
    samples = _checked(samples.detach().cpu(), (num_samples, task.dim_theta))
    row: Row = {
        "num_posterior_samples": len(samples),
        "samples_sha256": hashlib.sha256(samples.float().contiguous().numpy().tobytes()).hexdigest(),
        "sample_s": clock.seconds,
        "sample_s_iqr": clock.iqr,
        "energy_j": clock.joules,
        "nfe": posterior.nfe,
        "peak_memory_mb": max(fitted["peak_memory_mb"], peak_memory_mb(cell.device)),
    }
    return row, Draws(task, num_observation, samples, reference, device=cell.device)


def _checked(samples: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return the samples, if they have that shape and are finite; raise ValueError otherwise."""
    if samples.shape != shape:
        raise ValueError(f"the posterior gave samples of shape {tuple(samples.shape)}, not {shape}")
    bad = int((~samples.isfinite().all(dim=1)).sum())
    if bad:
        raise ValueError(f"posterior samples: {bad} of {len(samples)} rows are not finite")
    return samples
