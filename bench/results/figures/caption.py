"""Captions: what a reader has to know about a figure that its axes do not say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bench.printable import printable
from bench.results.failed_rows import left_out
from bench.results.figures.by_task import task_titles
from bench.results.figures.drawing import Drawn
from bench.results.figures.looks import looks
from bench.results.figures.metric_axis import axis_label

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["caption"]

MOST = 20  # values of a list: all tasks of the suite fit


def caption(made: Drawn) -> str:
    """Return the caption of a figure: tasks, methods, budgets, seeds, what is drawn, and versions.

    Arguments:
        made: Result of :func:`bench.results.figures.drawing.drawn`.
    """
    rows, entry, failed = made.rows, made.entry, made.failed()
    what = entry.summary().rstrip(".")
    if entry.scored:
        what += f" ({axis_label(entry.options.metric)})"
    # One by one: names of failed rows that are not drawn may be those of others.
    style = entry.options.style
    every = {*rows["method"], *(place[0] for place in failed)}
    methods = {method: looks([method], style)[method].name for method in every}
    every = {*rows["task"], *(place[1] for place in failed)}
    tasks = {task: task_titles([task], entry.options)[task] for task in every}
    lines = [
        f"{what}.",
        f"Tasks: {_list(rows['task'].map(tasks))}. Methods: {_list(rows['method'].map(methods))}.",
        f"Simulations: {_numbers(rows['num_simulations'])}. Seeds: {_numbers(rows['seed'])}. "
        f"Observations: {_numbers(rows['num_observation'])}. "
        f"Posterior samples: {_numbers(rows['num_posterior_samples'])}. Rows: {len(rows)}.",
        *(sentence for sentence in entry.notes),
    ]
    if failed:
        lines.append(left_out((methods[method], tasks[task], n, k) for method, task, n, k in failed))
    lines.append(
        f"Versions: tasks {_versions(rows, 'task')}; methods {_versions(rows, 'method')}; "
        + "; ".join(
            f"{name} {_list(rows[column].dropna())}"
            for name, column in (
                ("scorebench", "scorebench_version"),
                ("commit", "git_commit"),
                ("torch", "torch_version"),
                ("sbi", "sbi_version"),
            )
            if rows[column].notna().any()
        )
        + "."
    )
    return "\n".join(printable(line).replace("\\$", "$") for line in lines) + "\n"


def _list(values: Iterable[object]) -> str:
    known = sorted({str(value) for value in values})
    more = f" and {len(known) - MOST} more" if len(known) > MOST else ""
    return ", ".join(known[:MOST]) + more


def _numbers(values: pd.Series) -> str:
    """Whole numbers, with ranges: ``1-10``."""
    known = sorted({int(value) for value in values.dropna()})
    if len(known) > 2 and known == list(range(known[0], known[-1] + 1)):
        return f"{known[0]}-{known[-1]}"
    return _joined(known)


def _joined(known: list[int]) -> str:
    more = f" and {len(known) - MOST} more" if len(known) > MOST else ""
    return ", ".join(map(str, known[:MOST])) + more


def _versions(rows: pd.DataFrame, kind: str) -> str:
    """Registered names with their versions: ``npe@1, nre@2``."""
    pairs = rows[[f"{kind}_name", f"{kind}_version"]].drop_duplicates().itertuples(index=False, name=None)
    return ", ".join(sorted(f"{name}@{version}" for name, version in pairs))
