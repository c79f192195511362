"""What a page says about each task: its card, its certificate, and its figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

import tasks
from bench.printable import printable
from bench.report.drawn_figures import DrawnFigure
from bench.report.grid_table import Cell, GridTable, number
from tasks.stored.files import read_certificate

__all__ = ["UNKNOWN", "TaskPart", "task_parts"]

UNKNOWN = "This {} is not registered here; scorebench report --plugin FILE loads the file that defines it."


@dataclass(frozen=True)
class TaskPart:
    """The part of one task.

    Attributes:
        name: Name in rows.
        facts: Pairs of a word and a text: dimensions, card and versions.
        certificate: Table of the certificate's observations; None if there is none.
        certified: Pairs of a word and a text of the certificate.
        figures: Figures of this task's rows alone, such as posterior plots.
        reason: Why nothing is known of the task here; empty if it is known.
        rows: Number of rows in the directory.
    """

    name: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    certificate: GridTable | None = None
    certified: list[tuple[str, str]] = field(default_factory=list)
    figures: list[DrawnFigure] = field(default_factory=list)
    reason: str = ""
    rows: int = 0


def task_parts(
    rows: pd.DataFrame, figures_of: Callable[[str, pd.DataFrame], list[DrawnFigure]]
) -> list[TaskPart]:
    """Return the part of each task of the rows, sorted by name.

    A task that is not registered here, such as that of a plug-in that is not loaded, has a part that says so.

    Arguments:
        rows: Rows as :meth:`bench.results.store.Store.read` returns them.
        figures_of: Function that draws the figures of a task; it receives its name and its rows.
    """
    parts = [(str(name), group) for name, group in rows.groupby("task")]
    return [replace(_part(name, group), figures=figures_of(name, group)) for name, group in parts]


def _part(name: str, rows: pd.DataFrame) -> TaskPart:
    ran = ", ".join(sorted(map(str, rows["task_version"].dropna().unique()))) or "unknown"
    facts = [("version in the rows", printable(ran))]
    try:
        task = tasks.get(name)
    except (tasks.UnknownTaskError, tasks.TaskError):
        return TaskPart(name, facts, reason=UNKNOWN.format("task"), rows=len(rows))
    dims = f"theta {task.dim_theta}, x {task.dim_x}, {task.num_observations} observations"
    card = [(key, str(value)) for key, value in task.card.as_dict().items() if value not in ("", "none")]
    facts = [("dimensions", dims), *((key, _lines(value)) for key, value in card), *facts]
    if str(task.version) != ran:
        facts.append(("version here", printable(str(task.version))))
    certificate = read_certificate(name) or {}
    return TaskPart(name, facts, _observations(certificate), _scalars(certificate), rows=len(rows))


def _lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def _scalars(certificate: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Texts and numbers of a certificate that the card does not show, with those one level below."""
    shown = []
    for key, value in certificate.items():
        if key in ("task", "sampler", "verdict", "speed", "observations"):
            continue
        if isinstance(value, Mapping):
            value = ", ".join(f"{name} {part}" for name, part in value.items())
        if isinstance(value, str | int | float):
            shown.append((key.replace("_", " "), str(value)))
    return shown


def _observations(certificate: Mapping[str, Any]) -> GridTable | None:
    """The numbers that a certificate gives for each observation."""
    entries = certificate.get("observations") or []
    keys = [key for key in (entries[0] if entries else {}) if key != "num_observation"]
    keys = [key for key in keys if any(_is_number(entry.get(key)) for entry in entries)]
    if not keys:
        return None
    lines = []
    for entry in entries:
        values = [entry.get(key) for key in keys]
        cells = [Cell(_exact(value) if _is_number(value) else "–") for value in values]
        lines.append([Cell(str(entry.get("num_observation", ""))), *cells])
    columns = ["observation", *(key.replace("_", " ") for key in keys)]
    return GridTable("Certificate of the reference draws, by observation", columns, {"": lines})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _exact(value: float) -> str:
    return number(value) if abs(value) >= 100 else f"{value:.5g}"
