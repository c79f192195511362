"""The command ``scorebench list``: tasks, methods with their parameters, metrics, figures, preset grids."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import click

from bench.commands.arguments import FilePath
from bench.commands.complaint import tell
from bench.printable import printable
from bench.run.plugins import load_plugins

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

__all__ = ["KINDS", "list_", "listing"]


@click.command("list")
@click.argument(
    "what", required=False, type=click.Choice(["tasks", "methods", "metrics", "figures", "grids"])
)
@click.option(
    "--plugin",
    multiple=True,
    type=FilePath(),
    help="Python file with own tasks, methods, metrics or figures.",
)
def list_(what: str | None, plugin: tuple[str, ...]) -> int:
    """List tasks, methods, metrics, figures and preset grids."""
    load_plugins(plugin)
    tell(listing([what] if what else list(KINDS)))
    return 0


def listing(what: list[str]) -> str:
    """Some of ``KINDS`` as text tables."""
    from rich.console import Console

    console = Console(width=160, file=io.StringIO(), color_system=None)
    for kind in what:
        console.print(KINDS[kind]())
    return console.file.getvalue().rstrip()  # type: ignore[attr-defined]


def _table(*columns: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _tasks() -> Table:
    import tasks

    table = _table("task", "dim_theta", "dim_x", "observations", "summary")
    for name in tasks.names():
        try:
            task = tasks.get(name)
        except tasks.TaskError as error:  # of an installed package: the others are listed all the same
            table.add_row(name, "", "", "", _text(str(error)))
            continue
        dims = (str(task.dim_theta), str(task.dim_x), str(task.num_observations))
        table.add_row(name, *dims, _text(task.card.summary))
    return table


def _methods() -> Table:
    import methods
    from methods.contract.registry import method_class

    table = _table("method", "parameters and defaults", "what it is")
    for name in methods.names():
        cls = method_class(name)
        fields = [f"{key}={field.get_default()}" for key, field in cls.model_fields.items()]
        summary = (cls.__doc__ or "").strip().splitlines()[:1]
        table.add_row(name, _text(", ".join(fields)), _text("".join(summary)))
    return table


def _metrics() -> Table:
    from bench.metrics import metrics

    table = _table("metric", "better", "needs", "what it is")
    for name, metric in metrics().items():
        table.add_row(name, metric.better, _text(", ".join(metric.needs)), _text(metric.summary()))
    return table


def _figures() -> Table:
    from bench.results.figures import figures

    table = _table("figure", "needs", "what it is")
    for name, figure in figures().items():
        table.add_row(name, _text(", ".join(figure.needs)), _text(figure.summary()))
    return table


def _grids() -> Table:
    from bench.run.presets import presets, summary

    table = _table("grid", "what it is")
    for name, file in presets().items():
        table.add_row(name, _text(summary(file)))
    return table


def _text(value: str) -> Text:
    """A cell's text as it is: a card may hold brackets, which rich would take for markup."""
    from rich.text import Text

    return Text(printable(value))


KINDS = {"tasks": _tasks, "methods": _methods, "metrics": _metrics, "figures": _figures, "grids": _grids}
