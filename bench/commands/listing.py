"""What there is: tasks, methods with their parameters, metrics, preset grids."""

from __future__ import annotations

import io

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

import methods
import tasks
from bench.metrics import METRICS
from bench.run.grid import presets
from methods.contract.registry import method_class

__all__ = ["listing"]


def listing(what: list[str]) -> str:
    """The named kinds (``tasks``, ``methods``, ``metrics``, ``grids``) as text tables."""
    makers = {"tasks": _tasks, "methods": _methods, "metrics": _metrics, "grids": _grids}
    console = Console(width=160, file=io.StringIO(), color_system=None)
    for kind in what:
        console.print(makers[kind]())
    return console.file.getvalue().rstrip()  # type: ignore[attr-defined]


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _tasks() -> Table:
    table = _table("task", "dim_theta", "dim_x", "observations", "summary")
    for name in tasks.names():
        try:
            task = tasks.get(name)
        except tasks.TaskError as error:  # of an installed package: the others are listed all the same
            table.add_row(name, "", "", "", Text(str(error)))
            continue
        dims = (str(task.dim_theta), str(task.dim_x), str(task.num_observations))
        table.add_row(name, *dims, Text(task.card.summary))
    return table


def _methods() -> Table:
    table = _table("method", "parameters and defaults", "what it is")
    for name in methods.names():
        cls = method_class(name)
        fields = [f"{key}={field.get_default()}" for key, field in cls.model_fields.items()]
        summary = (cls.__doc__ or "").strip().splitlines()[:1]
        table.add_row(name, Text(", ".join(fields)), Text("".join(summary)))
    return table


def _metrics() -> Table:
    table = _table("metric", "what it is")
    for name, text in METRICS.items():
        table.add_row(name, text)
    return table


def _grids() -> Table:
    table = _table("grid", "what it is")
    for name, file in presets().items():
        first = file.read_text(encoding="utf-8").splitlines()[0]
        table.add_row(name, Text(first.removeprefix("#").strip()))
    return table
