"""What a page says about each method: its parameters, its citation, and its failures with tracebacks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from bench.bibliography import bibtex
from bench.printable import printable
from bench.report.dataset import LABEL
from bench.report.grid_table import Cell, GridTable, simulations
from bench.report.row_command import EXTERNAL
from bench.report.task_parts import UNKNOWN
from methods.contract.registry import UnknownMethodError, method_class

__all__ = ["Failure", "MethodPart", "method_parts"]

SCORED = "Its samples were made elsewhere and scored with scorebench score."
MOST_PLACES = 12  # cells that are named for one failure


@dataclass(frozen=True)
class Failure:
    """Rows that failed in the same way.

    Attributes:
        headline: Last line of the error.
        traceback: The whole error.
        count: Number of rows.
        places: Task, method, budget, seed and observations, in a line for each cell.
    """

    headline: str
    traceback: str
    count: int
    places: list[str]


@dataclass(frozen=True)
class MethodPart:
    """The part of one method.

    Attributes:
        name: Registered name.
        facts: Pairs of a word and a text.
        bibtex: BibTeX entries of what is cited.
        parameters: Table of parameters, a column for each set of them in the rows; None if there are none.
        failures: Failures of its rows, the most frequent first.
        metric_failures: The same of metrics of its rows.
        reason: Why little is known of the method here; empty if it is known.
        rows: Number of rows.
    """

    name: str
    facts: list[tuple[str, str]]
    bibtex: str = ""
    parameters: GridTable | None = None
    failures: list[Failure] = field(default_factory=list)
    metric_failures: list[Failure] = field(default_factory=list)
    reason: str = ""
    rows: int = 0


def method_parts(rows: pd.DataFrame) -> list[MethodPart]:
    """Return the part of each method of the rows, sorted by name.

    Arguments:
        rows: Rows of a dataset (:func:`bench.report.dataset.read_back`), with a column ``LABEL``.
    """
    return [_part(str(name), group) for name, group in rows.groupby("method")]


def _part(name: str, rows: pd.DataFrame) -> MethodPart:
    versions = ", ".join(sorted(map(str, rows["method_version"].dropna().unique()))) or "unknown"
    facts: list[tuple[str, str]] = []
    defaults: dict[str, Any] | None = None
    reason = entries = ""
    try:
        cls = method_class(name)
    except UnknownMethodError:
        external = set(rows["params"].dropna()) == {json.dumps(EXTERNAL)}
        reason = SCORED if external else UNKNOWN.format("method")
    else:
        defaults = cls.model_construct().model_dump(mode="json")
        summary = (cls.__doc__ or "").strip().partition("\n")[0]
        facts = [("summary", printable(summary)), ("citation", printable(" ".join(cls.citation.split())))]
        facts.append(
            ("amortized", "yes: one fit serves every x" if cls.amortized else "no: a fit for each x")
        )
        entries = "\n\n".join(bibtex(cls.citation, name)) if cls.citation else ""
        if str(cls.version) != versions:
            facts.append(("version here", printable(str(cls.version))))
    facts = [(key, text) for key, text in [*facts, ("version in the rows", printable(versions))] if text]
    failed = rows[rows["status"] != "ok"]
    return MethodPart(
        name,
        facts,
        entries,
        _parameters(rows, defaults),
        _failures(failed, failed["error"]),
        _metric_failures(rows),
        reason,
        len(rows),
    )


def _parameters(rows: pd.DataFrame, defaults: dict[str, Any] | None) -> GridTable | None:
    """A line for each parameter: its default here, and its value in each set of parameters of the rows."""
    sets: dict[str, dict[str, Any]] = {}
    for label, text in zip(rows[LABEL], rows["params"].fillna("{}"), strict=True):
        sets.setdefault(str(label), json.loads(text))
    names = sorted({key for values in sets.values() for key in values} | set(defaults or {}))
    if not names:
        return None
    lines = []
    for key in names:
        line = [Cell(printable(key))]
        if defaults is not None:
            line.append(Cell(_text(defaults[key]) if key in defaults else "–"))
        for values in sets.values():
            changed = defaults is not None and key in values and values[key] != defaults.get(key)
            line.append(Cell(_text(values[key]) if key in values else "–", best=changed))
        lines.append(line)
    columns = ["parameter", *(["default"] if defaults is not None else []), *sets]
    notes = ["Values that differ from the default are bold."] if defaults is not None else []
    return GridTable("Parameters", columns, {"": lines}, words=True, notes=notes)


def _text(value: Any) -> str:
    return printable(value if isinstance(value, str) else json.dumps(value))


def _failures(rows: pd.DataFrame, errors: pd.Series) -> list[Failure]:
    found = []
    for error, group in rows.groupby(errors.fillna("").to_numpy()):
        lines = str(error).strip().splitlines()
        places = [
            f"{task} {label}, {simulations(budget)}, seed {seed:.0f}, observation "
            f"{', '.join(map(str, sorted(cell['num_observation'].astype(int))))}"
            for (task, label, budget, seed), cell in group.groupby(["task", LABEL, "num_simulations", "seed"])
        ]
        if len(places) > MOST_PLACES:
            places = [*places[:MOST_PLACES], f"and {len(places) - MOST_PLACES} more cells"]
        headline = lines[-1] if lines else "no error was stored"
        found.append(Failure(headline, "\n".join(lines), len(group), places))
    return sorted(found, key=lambda failure: -failure.count)


def _metric_failures(rows: pd.DataFrame) -> list[Failure]:
    bad = rows.dropna(subset="metric_errors")
    found: dict[str, list[Any]] = {}
    for index, text in bad["metric_errors"].items():
        for metric, reason in json.loads(text).items():
            found.setdefault(printable(f"{metric}: {reason}"), []).append(index)
    failures = []
    for line, indices in found.items():
        group = rows.loc[indices]
        failures += _failures(group, pd.Series(line, index=group.index))
    return sorted(failures, key=lambda failure: -failure.count)
