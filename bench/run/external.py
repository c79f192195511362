"""Rows of posterior samples that were made elsewhere, scored as the suite scores its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

import tasks
from bench.answers.checked_task import CheckedTask, checked
from bench.errors import UsageError
from bench.metrics import Draws
from bench.results.schema import Row
from bench.run.cell import Cell, blank_row
from bench.run.fit_and_sample import fingerprint, reference_of, shuffled
from bench.run.plain_rows import plain_row
from bench.run.scored_rows import scored_rows
from bench.run.scoring import Predictive, Scores
from bench.run.simulation_cache import Simulations
from bench.run.sources import source_sha256
from methods.contract.registry import names

__all__ = ["ExternalCell", "check_name", "score_given"]

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")
TIMED = 10  # parameters of the prior at which a simulation may be timed
# Columns about the machine and libraries that made samples, which are not known.
UNKNOWN = ("device_name", "driver_version", "dtype", "threads", "sbi_version")


@dataclass(frozen=True)
class ExternalCell(Cell):
    """Rows of one external method on a task, for one budget and seed.

    The cell has a key of its own, in which the number of samples does not count. Its seeds are those of the
    suite's cells with the same task, budget and seed, so metrics are computed in the same way.
    """

    def identity(self) -> Row:
        """Return the columns that identify the cell; the parameters say that the method is external."""
        return {
            "task": self.task,
            "task_version": str(tasks.get(self.task).version),
            "method": self.method,
            "params": json.dumps({"kind": "external"}),
            "method_version": "",
            "num_simulations": self.num_simulations,
            "seed": self.seed,
            "num_posterior_samples": None,
            "device": self.device,
        }

    def changed_params(self) -> str:
        """Return an empty JSON object, so that tables show the name alone."""
        return "{}"

    def sources(self) -> Row:
        """Return the fingerprint of the task's source code."""
        return {"task_sha256": source_sha256(type(tasks.get(self.task))), "method_sha256": None}


def check_name(name: str) -> None:
    """Check that an external method can have a name.

    Raises:
        UsageError: if the name is malformed or that of a registered method.
    """
    if NAME.fullmatch(name) is None:
        raise UsageError(
            f"name = {name!r}: a letter, followed by at most 59 letters, digits and characters of '_.-'"
        )
    if name in names():
        raise UsageError(f"name = {name!r}: a method of this name is registered; choose another name")


def score_given(
    cell: ExternalCell,
    samples: Mapping[int, Tensor],
    train_seconds: float | None = None,
    sample_seconds: float | None = None,
) -> tuple[list[Row], str]:
    """Score samples that were made elsewhere.

    Arguments:
        cell: Cell that the rows are of.
        samples: Samples of each observation, ``(N, dim_theta)``, float32 and finite.
        train_seconds: Seconds that the training took, if known.
        sample_seconds: Seconds that drawing the samples of one observation took, if known.

    Returns:
        A row for each observation, and a line for the user if the simulator is slow, else an empty text.
    """
    task = checked(tasks.get(cell.task))
    times = {"train_s": train_seconds, "sample_s": sample_seconds}
    blank = blank_row(cell) | dict.fromkeys(UNKNOWN) | times
    rows: dict[int, Row] = {}
    references: dict[int, Tensor | Exception | None] = {}
    draws: dict[int, Draws] = {}
    for k, theta in samples.items():
        sha256 = fingerprint(theta)
        rows[k] = blank | {
            "num_observation": k,
            "num_posterior_samples": len(theta),
            "samples_sha256": sha256,
        }
        found = references[k] = reference_of(task, k)
        reference = shuffled(found, cell, k) if isinstance(found, Tensor) else None
        draws[k] = Draws(task, k, theta, reference, device=cell.device)
    predictive = Predictive.of_cell(task, _timed_at(task, cell), cell)
    torch.set_num_threads(cell.threads)
    scores = {k: Scores() for k in draws}
    scored = scored_rows(cell, rows, draws, scores, references, predictive)
    return [plain_row(row) for row in scored], predictive.line


def _timed_at(task: CheckedTask, cell: Cell) -> Simulations | None:
    """Return parameters at which a simulation may be timed, without data; None if no metric simulates."""
    if cell.metrics is not None and "ppc" not in cell.metrics:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(cell.seed_for("parameters to time a simulation at"))
        theta = task.prior().sample((TIMED,)).float()
    return Simulations(theta, theta[:, :0], num_failed=0, seconds=None)
