"""What the commands for tables share: options, the values of a metric, and printing in a format."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bench.commands.arguments import FilePath
from bench.commands.complaint import complain
from bench.commands.name_types import METHOD, TASK
from bench.commands.number_types import Number
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.results.tables.metric_values import MetricValues
    from bench.results.tables.printed import Printed
    from bench.results.tables.rank_statistics import Ranks
    from bench.results.tables.spread import Interval

__all__ = ["METRIC", "pivot_or_ranks", "rendered", "selecting", "terminal_width", "text_options", "values_of"]

METRIC = "c2st"

Command = TypeVar("Command", bound=Callable[..., Any])


def text_options(command: Command) -> Command:
    """Add the options ``--format``, ``--style`` and ``--all`` (``form``, ``style`` and ``everything``)."""
    for option in (
        click.option("--all", "everything", is_flag=True, help="Print text wider than the terminal too."),
        click.option(
            "--style",
            type=FilePath(path_type=Path),
            help="YAML file with names and order of methods and tasks.",
        ),
        click.option(
            "--format",
            "form",
            type=click.Choice(["text", "csv", "markdown", "latex"]),
            default="text",
            show_default=True,
        ),
    ):
        command = option(command)
    return command


def selecting(command: Command) -> Command:
    """Add the options that choose rows: ``--task``, ``--method`` and ``--num-simulations``."""
    for option in (
        click.option(
            "-n",
            "--num-simulations",
            multiple=True,
            type=Number(min=0),
            help="Budget to show, such as 1e3; may be repeated.  [default: all]",
        ),
        click.option(
            "-m",
            "--method",
            multiple=True,
            type=METHOD,
            help="Method to show, NAME for all its parameters or NAME[param=value]; may be repeated.  "
            "[default: all]",
        ),
        click.option(
            "-t", "--task", multiple=True, type=TASK, help="Task to show; may be repeated.  [default: all]"
        ),
    ):
        command = option(command)
    return command


def terminal_width() -> int | None:
    """Return the width of the terminal in characters; None if standard output is none."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None
    except (OSError, ValueError, AttributeError):
        return None


def values_of(
    directory: Path,
    metric: str,
    options: dict[str, Any],
    always: Collection[str] = (),
) -> MetricValues:
    """Return the values of a metric in a directory, of the rows that the options choose.

    Arguments:
        directory: Directory of results.
        metric: Column of numbers.
        options: ``task``, ``method``, ``num_simulations`` and ``all_versions`` of the command line.
        always: Methods that are kept whatever the methods chosen.

    Raises:
        UsageError: if there are no rows or values, or the name is none of a column of numbers.
    """
    from bench.results.chosen import chosen
    from bench.results.store import Store
    from bench.results.tables.metric_values import check_metric, columns_for, metric_values

    try:
        rows = Store(directory, warn=complain).read(columns_for(metric), shown=True)
    except UsageError:
        check_metric(metric)  # an unknown name is told first
        raise
    rows = chosen(
        rows,
        tasks=options["task"],
        methods=options["method"],
        budgets=options["num_simulations"],
        always=always,
    )
    return metric_values(rows, metric, all_versions=options["all_versions"], say=complain)


def pivot_or_ranks(directory: Path, form: str, width: int | None, options: dict[str, Any]) -> str:
    """Return the table that ``--pivot`` or ``--ranks`` asks for; options are checked before rows are read.

    Arguments:
        directory: Directory of results.
        form: Format: text, csv, markdown or latex.
        width: Width that text has to fit; None for any.
        options: The other options of ``scorebench table``, by name.

    Raises:
        UsageError: for a bad option, or if there is nothing to show.
    """
    from bench.results.style_file import read_style
    from bench.results.tables.pivot import pivot_axes, pivot_frame, pivot_table
    from bench.results.tables.published_values import check_source, published_estimates
    from bench.results.tables.rank_statistics import SCALE
    from bench.results.tables.rank_tables import rank_frame, rank_tables

    for name in ("pivot", "interval", "published"):
        if options["ranks"] and options[name] is not None:
            raise UsageError(f"{name} = {options[name]}: does not go with --ranks; leave one out")
    axes = pivot_axes(options["pivot"]) if options["pivot"] is not None else None
    source = options["published"]
    if source is not None:
        check_source(source)
    style = None if options["style"] is None else read_style(options["style"])
    values = values_of(directory, options["metric"] or METRIC, options, SCALE if axes is None else ())
    if axes is None:
        ranks = _ranks_by_budget(values)
        if form == "csv":
            return rank_frame(values, ranks).to_csv(index=False)
        return rendered(rank_tables(values, ranks, style), form, width)
    interval: Interval = options["interval"] or "sd"
    others = None if source is None else published_estimates(values, interval, source, complain)
    if form == "csv":
        return pivot_frame(values, interval, others).to_csv(index=False)
    return rendered([pivot_table(values, axes, interval, style, others)], form, width)


def rendered(tables: Sequence[Printed], form: str, width: int | None) -> str:
    """Return tables for print one below the other, as text (of a width), Markdown or LaTeX."""
    from bench.results.tables.latex_format import as_latex
    from bench.results.tables.markdown_format import as_markdown
    from bench.results.tables.text_format import as_text

    if form == "text":
        return "\n".join(as_text(one, width) for one in tables)
    return "\n".join((as_latex if form == "latex" else as_markdown)(one) for one in tables)


def _ranks_by_budget(values: MetricValues) -> list[Ranks]:
    """Return the ranks at each budget; a budget without ranks is one line if another has some."""
    from bench.results.tables.rank_statistics import rank_methods

    found, reasons = [], []
    for budget in values.budgets:
        try:
            found.append(rank_methods(values, budget))
        except UsageError as error:
            reasons.append(str(error))
    if not found:
        raise UsageError(reasons[0])
    for reason in reasons:
        complain(reason)
    return found
