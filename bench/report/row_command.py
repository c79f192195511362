"""The command line that makes a row again."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from bench.results.naming import method_labels
from bench.run.cell import cell_key
from bench.run.plugins import is_from_plugin
from methods.contract.registry import UnknownMethodError, method_class
from tasks import UnknownTaskError, task_class

__all__ = ["EXTERNAL", "row_commands"]

USUAL = 10_000  # samples that `scorebench run` draws unless told otherwise
# What identifies a cell, see `bench.run.cell.Cell.identity`.
IDENTITY = ["task", "task_version", "method", "params", "method_version", "num_simulations", "seed"]
IDENTITY += ["num_posterior_samples", "device"]
EXTERNAL = {"kind": "external"}  # parameters of rows of `scorebench score`
READ = [*IDENTITY, "num_observation", "num_calibration", "batch_size", "sample_s_raw", "cell_s"]
READ += ["status", "cell", "threads"]


def row_commands(rows: pd.DataFrame) -> pd.Series:
    """Return a command for each row that, in a new directory, makes a row with the same numbers.

    Rows of ``scorebench time`` and ``scorebench score`` get commands of these; in the latter, SAMPLES.npz
    stands for the file with the samples. The file of a task's or method's plug-in
    is named if the plug-in is loaded. A row holds neither the metrics that were chosen nor where simulations
    came from, so the command computes all metrics and simulates.

    Arguments:
        rows: Rows as :meth:`bench.results.store.Store.read` returns them.
    """
    known = rows.reindex(columns=READ).astype(object)
    known = known.where(known.notna(), None).assign(spec=method_labels(rows))
    sizes = {USUAL, *(int(size) for size in known["num_posterior_samples"] if size)}
    asked: dict[str, int] = {}  # cells have one row for each observation
    commands = []
    rows_of_cells: list[dict[str, Any]] = known.to_dict("records")  # type: ignore[assignment]
    for row in rows_of_cells:
        if row["cell"] not in asked:
            asked[row["cell"]] = _samples_asked_for(row, sizes)
        commands.append(shlex.join(_words(row, asked[row["cell"]])))
    return pd.Series(commands, index=rows.index, dtype=object)


def _words(row: Mapping[str, Any], num_samples: int) -> list[str]:
    if json.loads(row["params"] or "{}") == EXTERNAL:
        words = ["scorebench", "score", row["task"], "SAMPLES.npz", "--name", row["method"]]
        words += ["-n", row["num_simulations"], "-s", row["seed"] or 0, "-o", row["num_observation"]]
        return [str(int(word)) if isinstance(word, float) else str(word) for word in words]
    timed = _is_timed(row)
    words = ["scorebench", "time" if timed else "run", "-t", row["task"], "-m", row["spec"]]
    words += ["-n", row["num_simulations"], "-s", row["seed"] or 0]
    if timed or num_samples != USUAL:
        words += ["--num-samples", num_samples]
    if timed:
        words += ["--batch-size", row["batch_size"] or 1]
    elif row["num_calibration"]:
        words += ["--calibration", row["num_calibration"]]
    if row["device"] not in (None, "cpu"):
        words += ["--device", row["device"]]
    if row["threads"] and row["threads"] != 1:
        words += ["--threads", row["threads"]]
    for file in _plugins(row["task"], row["method"]):
        words += ["--plugin", file]
    if not timed:
        words += ["-o", row["num_observation"]]
    return [str(int(word)) if isinstance(word, float) else str(word) for word in words]


def _is_timed(row: Mapping[str, Any]) -> bool:
    """Whether ``scorebench time`` made the row: it has no time of a cell, or was sampled in batches."""
    alone = row["status"] == "ok" and row["cell_s"] is None and row["sample_s_raw"] is not None
    return alone or (row["batch_size"] or 1) > 1


def _samples_asked_for(row: Mapping[str, Any], sizes: Iterable[int]) -> int:
    """Return the number of samples that the cell was asked for, which is part of the cell's key.

    A row holds how many there were; ``reference`` has at most half of the reference draws to give.
    """
    there = int(row["num_posterior_samples"] or USUAL)
    identity = {name: row[name] for name in IDENTITY}
    identity |= {name: int(identity[name] or 0) for name in ("num_simulations", "seed")}
    for size in sorted(sizes, key=lambda size: (size != there, size)):
        if cell_key(identity | {"num_posterior_samples": size}) == row["cell"]:
            return size
    return there


def _plugins(task: str, method: str) -> list[str]:
    """Return the files of loaded plug-ins that define the task or the method."""
    classes: list[type] = []
    with contextlib.suppress(UnknownTaskError):
        classes.append(task_class(task))
    with contextlib.suppress(UnknownMethodError):
        classes.append(method_class(method))
    modules = [sys.modules[cls.__module__] for cls in classes if is_from_plugin(cls)]
    return list(dict.fromkeys(str(module.__file__) for module in modules))
