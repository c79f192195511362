"""Training data of a (task, num_simulations, seed): simulated once per directory, shared by all methods."""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.answers.checked_task import AnswerError, checked
from bench.clock.timing import timed
from bench.errors import SimulationError
from bench.results.claims import claim
from bench.run.sources import source_sha256
from methods.transforms.tails import extreme_simulations
from tasks import Task
from tasks.contract.seeding import derive_seed

__all__ = ["Simulations", "kept_simulations", "simulate", "simulations"]

FOLDER = "simulations"
UNREADABLE = (OSError, ValueError, KeyError, zipfile.BadZipFile)  # what a missing or corrupt file raises


@dataclass(frozen=True)
class Simulations:
    """Training data without failed simulations.

    Arguments:
        theta: Parameters, ``(N, dim_theta)``, float32.
        x: Simulated data, ``(N, dim_x)``, float32.
        num_failed: Number of failed simulations, which were dropped.
        seconds: Seconds that the simulator took; None if the data were read from a directory, since another
            run or another machine may have simulated them.
    """

    theta: Tensor
    x: Tensor
    num_failed: int
    seconds: float | None

    @property
    def num_extreme(self) -> int:
        """Number of simulations with values that are finite but so large that methods clip them."""
        return int(extreme_simulations(self.x).sum())


def simulate(task: Task, num_simulations: int, seed: int) -> Simulations:
    """Draw parameters from the prior and simulate; rows of x that are not finite are dropped as failed.

    Raises:
        AnswerError: if the prior or the simulator gives something that cannot be used.
        SimulationError: if fewer than two simulations are left.
    """
    task = checked(task)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("theta", task.name, num_simulations, seed))
        theta = task.prior().sample((num_simulations,)).float()
    if not theta.isfinite().all():
        raise AnswerError(f"task {task.name}: the prior draws parameters that are not finite")
    x_seed = derive_seed("x", task.name, num_simulations, seed)
    task.simulate(theta[:2], seed=x_seed)  # the first call may import modules and read files: not timed
    x, seconds = timed(lambda: task.simulate(theta, seed=x_seed), "cpu")
    good = x.isfinite().all(dim=1)
    num_failed = int((~good).sum())
    if num_simulations - num_failed < 2:
        raise SimulationError(
            f"{num_failed} of {num_simulations} simulations of {task.name} failed: too few left"
        )
    return Simulations(theta[good], x[good], num_failed, seconds)


def simulations(task: Task, num_simulations: int, seed: int, directory: Path | None) -> Simulations:
    """Return the simulations kept in ``directory``; if there are none, call :func:`simulate` and keep them.

    Simulations are kept for each task, version, source code, budget and seed, without their time, which would
    be that of another run or machine. So a method never trains on simulations of a simulator that has been
    changed since. Nothing is kept for a task without a source file, such as one from a notebook's cell.

    If two processes need the same simulations, one waits for the other. A corrupt file is replaced. If the
    directory cannot be written to, the simulations are returned but not kept.

    Arguments:
        task: Task to simulate.
        num_simulations: Simulation budget.
        seed: Seed of the simulations.
        directory: Directory of results; None to simulate without it.

    Raises:
        AnswerError: if the prior or the simulator gives something that cannot be used.
        SimulationError: if fewer than two simulations are left.
    """
    task = checked(task)
    source = source_sha256(type(task.plain))
    if directory is None or source is None:
        return simulate(task, num_simulations, seed)
    path = _path(task, source, num_simulations, seed, directory)
    with claim(directory, f"simulations-{path.stem}"):
        try:
            return _load(path)
        except UNREADABLE:
            made = simulate(task, num_simulations, seed)
        _save(path, made)
    return made


def kept_simulations(task: Task, num_simulations: int, seed: int, directory: Path) -> Simulations:
    """Return the simulations kept in ``directory``; if there are none, the same from :func:`simulate`.

    Nothing is written. The arguments and errors are those of :func:`simulations`.
    """
    task = checked(task)
    source = source_sha256(type(task.plain))
    if source is not None:
        with contextlib.suppress(*UNREADABLE):
            return _load(_path(task, source, num_simulations, seed, directory))
    return simulate(task, num_simulations, seed)


def _path(task: Task, source: str, num_simulations: int, seed: int, directory: Path) -> Path:
    words = repr((task.name, task.version, source, num_simulations, seed))
    return directory / FOLDER / f"{hashlib.sha256(words.encode()).hexdigest()[:20]}.npz"


def _load(path: Path) -> Simulations:
    if not path.is_file():  # opening a pipe would wait for a writer
        raise FileNotFoundError(path)
    with np.load(path, allow_pickle=False) as kept:
        return Simulations(
            torch.from_numpy(kept["theta"]),
            torch.from_numpy(kept["x"]),
            int(kept["num_failed"]),
            seconds=None,
        )


def _save(path: Path, made: Simulations) -> None:
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex}.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            temporary,
            theta=made.theta.numpy(),
            x=made.x.numpy(),
            num_failed=made.num_failed,
        )
        os.replace(temporary, path)
    except OSError:  # for example a full disk; the run continues, because rows matter more than this cache
        temporary.unlink(missing_ok=True)
