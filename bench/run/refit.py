"""Fitting the method of a stored cell again, to draw the samples of its rows once more.

Simulations, fit and samples depend on the cell's seeds alone, so the samples are the same if no code and no
library that they depend on has changed. Their fingerprint shows whether they are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

import methods
import tasks
from bench.answers.checked_task import checked
from bench.errors import UsageError
from bench.results.provenance import device_name, versions
from bench.results.refitted import Refitted
from bench.results.sample_files import KeptSamples
from bench.results.schema import Row
from bench.run import inside_worker
from bench.run.cell import Cell
from bench.run.fit_and_sample import fingerprint, fit_cell, samples_again
from bench.run.global_state import SHARED, watched
from bench.run.plugins import SUITE
from bench.run.run_cell import left_alone
from bench.run.scoring import reason
from bench.run.simulation_cache import kept_simulations, simulations
from bench.run.warm_up import warm_up
from methods import Posterior, SpecError
from methods.contract.registry import method_class
from registries import RegistryError
from tasks import Task

__all__ = ["difference", "draw_again", "refitted"]

# Columns that may explain why samples differ, with their names in messages.
EXPLAIN = MappingProxyType(
    {
        "task_sha256": "source of the task",
        "method_sha256": "source of the method",
        "torch_version": "torch",
        "sbi_version": "sbi",
        "threads": "threads",
        "device_name": "device",
    }
)


def draw_again(cell: Cell, directory: Path) -> str:
    """Fit a cell again, and report ``KeptSamples`` of each observation as soon as they are drawn.

    Returns:
        Why no further samples could be drawn, in one line; empty if all were.
    """
    cell.load_plugins()
    torch.set_num_threads(cell.threads)
    try:
        with watched(SUITE, SHARED) as state, left_alone(state, f"fitting {cell.method} again"):
            task, method = checked(tasks.get(cell.task)), methods.get(cell.method)
            method.check_prior(task.prior())
            warm_up(method, cell.device)
            data = simulations(task, cell.num_simulations, cell.seed, directory)
            posterior, _ = fit_cell(task, method, data, cell)
            for k in cell.observations:
                samples = samples_again(task, posterior, cell, k)
                first = samples[: cell.keep_samples].numpy()
                inside_worker.report(KeptSamples(k, fingerprint(samples), first))
    except BaseException as error:
        if inside_worker.ends_run(error):
            raise
        return reason(error)
    return ""


def refitted(rows: Sequence[Row], directory: Path) -> Refitted:
    """Return the posterior of a stored cell, fitted again with its seeds, on its device and threads.

    Arguments:
        rows: Rows of one cell, of which at least one is good.
        directory: Directory of the rows; simulations that are kept there are used, and nothing is written.

    Raises:
        UsageError: if the task or method is not registered or has another version now, or the device is
            missing.
    """
    good = {row["num_observation"]: row for row in rows if row["status"] == "ok"}
    cell = _cell_of(next(iter(good.values())))
    task, method = checked(tasks.get(cell.task)), methods.get(cell.method)
    before = torch.get_num_threads()
    torch.set_num_threads(cell.threads)
    try:
        method.check_prior(task.prior())
        data = kept_simulations(task, cell.num_simulations, cell.seed, directory)
        posterior, _ = fit_cell(task, method, data, cell)
    finally:
        torch.set_num_threads(before)
    return Refitted(posterior, lambda k: _row_samples(task, posterior, cell, k, good))


def difference(row: Row, cell: Cell) -> str:
    """Return a line that says that samples drawn again are not those of a row, and what has changed since."""
    now = versions() | cell.sources() | {"threads": cell.threads, "device_name": device_name(cell.device)}
    changed = [f"the {name}" for key, name in EXPLAIN.items() if row[key] not in (None, now[key])]
    which = f"{cell.label}, observation {row['num_observation']}"
    if row["samples_sha256"] is None:
        return f"{which}: the row has no fingerprint to compare samples drawn again with"
    since = f"; changed since: {', '.join(changed)}" if changed else ""
    return f"{which}: samples drawn again are not those of the row (other fingerprint){since}"


def _row_samples(
    task: Task, posterior: Posterior, cell: Cell, num_observation: int, rows: dict[int, Row]
) -> Tensor:
    if num_observation not in rows:
        known = ", ".join(map(str, sorted(rows)))
        raise UsageError(f"{cell.label}: no good row of observation {num_observation}; there are {known}")
    before = torch.get_num_threads()
    torch.set_num_threads(cell.threads)
    try:
        samples = samples_again(task, posterior, cell, num_observation)
    finally:
        torch.set_num_threads(before)
    if fingerprint(samples) != rows[num_observation]["samples_sha256"]:
        raise UsageError(difference(rows[num_observation], cell))
    return samples


def _cell_of(row: Row) -> Cell:
    """Return the cell of a row, if the task and method are what they were."""
    try:
        task = tasks.get(row["task"])
        method = method_class(row["method"])(**json.loads(row["params"]))
    except (RegistryError, SpecError, ValueError) as error:
        raise UsageError(f"{row['task']} {row['method']} cannot be fitted again: {reason(error)}") from None
    for what, now, then in (
        (task.name, task.version, row["task_version"]),
        (method.name, method.version, row["method_version"]),
    ):
        if str(now) != then:
            raise UsageError(f"the row is of {what}@{then}, but {what} is of version {now} now")
    if row["device"] == "cuda" and not torch.cuda.is_available():
        raise UsageError("the row was run on a CUDA device, and this machine has none that torch can use")
    return Cell(
        task=row["task"],
        method=method.spec,
        num_simulations=row["num_simulations"],
        seed=row["seed"],
        num_samples=row["num_posterior_samples"],
        device=row["device"],
        observations=(row["num_observation"],),
        threads=row["threads"] or 1,
    )
