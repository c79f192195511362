"""A cell of a grid: one task, method, budget and seed, and what is known of its rows before it runs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

import torch

import methods
import tasks
from bench.clock.energy import driver_version
from bench.results.provenance import device_name, versions
from bench.results.schema import COLUMNS, Row
from bench.run.plugins import load_plugins
from bench.run.sources import source_sha256
from tasks.contract.seeding import derive_seed

__all__ = ["Cell", "blank_row", "cell_key", "failed_rows"]


@dataclass(frozen=True)
class Cell:
    """One unit of work: one task, method, budget and seed.

    Two cells are the same (share a key and a file) if all fields but ``observations``, ``calibration``,
    ``plugins``, ``threads``, ``scoring_threads``, ``timing``, ``metrics`` and ``keep_samples`` agree.

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
        keep_samples: Number of posterior samples of each row to keep; 0 for none.
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
    keep_samples: int = 0

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

    def changed_params(self) -> str:
        """Return the parameters that differ from the method's defaults, as JSON."""
        changed = methods.get(self.method).model_dump(mode="json", exclude_defaults=True)
        return json.dumps(changed, sort_keys=True)

    def sources(self) -> Row:
        """Return fingerprints of the present source code of the task and the method."""
        task, method = tasks.get(self.task), methods.get(self.method)
        return {"task_sha256": source_sha256(type(task)), "method_sha256": source_sha256(type(method))}

    @cached_property
    def key(self) -> str:
        """Name of the cell's file: a hash of :meth:`identity`."""
        return cell_key(self.identity())

    @property
    def label(self) -> str:
        """Short description of the cell for messages."""
        return f"{self.task} {self.method} n={self.num_simulations} seed={self.seed}"

    def seed_for(self, purpose: str, *more: int) -> int:
        """Return the seed of a part of the cell's work, which depends on its task, budget and seed alone."""
        return derive_seed(purpose, self.task, self.num_simulations, self.seed, *more)

    def seed_of_metric(self, metric: str, num_observation: int) -> int:
        """Return the seed of a metric for an observation."""
        return derive_seed(metric, self.task, self.num_simulations, self.seed, num_observation)

    def load_plugins(self) -> None:
        """Load the plug-ins in this process, so that a user's own task or method is registered here."""
        load_plugins(self.plugins)

    def only(self, observations: set[int]) -> Cell:
        """Return the same cell restricted to these of its observations."""
        kept = tuple(k for k in self.observations if k in observations)
        return self if kept == self.observations else replace(self, observations=kept)


def cell_key(identity: Row) -> str:
    """Return the name of a cell's file from the columns that :meth:`Cell.identity` gives."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:20]


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
            "changed_params": cell.changed_params(),
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
