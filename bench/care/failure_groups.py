"""Failures of a directory, grouped by their messages."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from bench.results.naming import method_labels

__all__ = ["FAILED_BY", "FailureGroup", "failure_groups"]

# Columns of the store that are needed to group failures.
FAILED_BY = ["cell", "task", "method", "params", "changed_params", "num_simulations", "seed"]
FAILED_BY += ["num_observation", "status", "error", "metric_errors", "started_at"]
NUMBER = re.compile(r"\d+(\.\d+)?([eE][+-]?\d+)?")


@dataclass
class FailureGroup:
    """Failures with the same message, up to the numbers in it.

    Attributes:
        message: First message of the group, one line.
        num_rows: Number of rows.
        cells: Observations that failed by the description of their cell.
        texts: Different tracebacks (or reasons of a metric), each with the first row that has it.
    """

    message: str
    num_rows: int = 0
    cells: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    texts: dict[str, str] = field(default_factory=dict)


def failure_groups(rows: pd.DataFrame) -> list[FailureGroup]:
    """Group the failed rows, and the rows in which a metric failed, by message; the most frequent first.

    Arguments:
        rows: Rows with the columns ``FAILED_BY``.
    """
    bad = rows[(rows["status"] != "ok") | rows["metric_errors"].notna()]
    bad = bad.assign(label=method_labels(bad))
    groups: dict[str, FailureGroup] = {}
    for row in bad.to_dict("records"):
        for message, text in _failures(row):
            group = groups.setdefault(NUMBER.sub("#", message), FailureGroup(message))
            group.num_rows += 1
            place = f"{row['task']} {row['label']} n={row['num_simulations']} seed={row['seed']}"
            group.cells[place].append(int(row["num_observation"]))
            group.texts.setdefault(text, f"{place} observation={row['num_observation']}")
    return sorted(groups.values(), key=lambda group: (-group.num_rows, group.message))


def _failures(row: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Yield the message and the whole text of each failure of a row."""
    if row["status"] != "ok":
        text = row["error"] if isinstance(row["error"], str) else ""
        lines = text.strip().splitlines()
        yield f"{row['status']}: {lines[-1].strip() if lines else 'no message'}", text
    if isinstance(row["metric_errors"], str):
        for metric, reason in json.loads(row["metric_errors"]).items():
            lines = str(reason).strip().splitlines()
            yield f"metric {metric}: {lines[-1].strip() if lines else 'no message'}", str(reason)
