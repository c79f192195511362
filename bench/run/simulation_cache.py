"""Training data of a (task, num_simulations, seed): the same for every method, made once for a directory."""

from __future__ import annotations

import hashlib
import os
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.clock.timing import timed
from bench.errors import SimulationError
from bench.results.claims import claim
from tasks import Task
from tasks.contract.seeding import derive_seed

__all__ = ["Simulations", "simulate", "simulations"]

FOLDER = "simulations"


@dataclass(frozen=True)
class Simulations:
    """Training data, failed simulations dropped.

    Arguments:
        theta: ``(N, dim_theta)``, float32.
        x: ``(N, dim_x)``, float32.
        num_failed: Simulations that were dropped.
        seconds: Time that the simulator took, if they were made by this very call; None if they were read
            from a directory, since another run or another machine may have made them.
    """

    theta: Tensor
    x: Tensor
    num_failed: int
    seconds: float | None


def simulate(task: Task, num_simulations: int, seed: int) -> Simulations:
    """Draw from the prior and simulate; a row of x that is not finite counts as failed and is dropped.

    Raises:
        SimulationError: where fewer than two simulations are left.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("theta", task.name, num_simulations, seed))
        theta = task.prior().sample((num_simulations,)).float()
    x_seed = derive_seed("x", task.name, num_simulations, seed)
    task.simulate(theta[:2], seed=x_seed)  # imports and files of the first call are not simulation
    x, seconds = timed(lambda: task.simulate(theta, seed=x_seed), "cpu")
    good = x.isfinite().all(dim=1)
    num_failed = int((~good).sum())
    if num_simulations - num_failed < 2:
        raise SimulationError(
            f"{num_failed} of {num_simulations} simulations of {task.name} failed: too few left"
        )
    return Simulations(theta[good], x[good], num_failed, seconds)


def simulations(task: Task, num_simulations: int, seed: int, directory: Path | None) -> Simulations:
    """:func:`simulate`, or what it gave before for this task and version, kept in ``directory``.

    The time is not kept: it is another run's, perhaps another machine's.
    Whoever comes second waits for the first. A corrupt file is made again; where nothing can be
    written, nothing is kept.
    """
    if directory is None:
        return simulate(task, num_simulations, seed)
    words = repr((task.name, task.version, num_simulations, seed))
    name = hashlib.sha256(words.encode()).hexdigest()[:20]
    path = directory / FOLDER / f"{name}.npz"
    with claim(directory, f"simulations-{name}"):
        try:
            return _load(path)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            made = simulate(task, num_simulations, seed)
        _save(path, made)
    return made


def _load(path: Path) -> Simulations:
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
    except OSError:  # a full disk: rows matter more
        temporary.unlink(missing_ok=True)
