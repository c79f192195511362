"""Options that select rows, for the commands that look after a directory of results."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bench.commands.arguments import FilePath
from bench.commands.complaint import tell
from bench.commands.name_types import METHOD, TASK
from bench.commands.number_types import Number, Numbers, flat
from bench.run.plugins import load_plugins

if TYPE_CHECKING:
    import pandas as pd

    from bench.care.selection_of_rows import Selection

__all__ = ["selected_by", "selecting", "tell_counts"]

Command = TypeVar("Command", bound=Callable[..., Any])

OPTIONS = [
    click.option("-t", "--task", multiple=True, type=TASK, help="Task; repeat for several.  [default: all]"),
    click.option(
        "-m",
        "--method",
        multiple=True,
        type=METHOD,
        help="Method, name or name[param=value,...]; a name selects all its parameters.  [default: all]",
    ),
    click.option("-n", "--num-simulations", multiple=True, type=Number(), help="Budget.  [default: all]"),
    click.option(
        "-s", "--seed", multiple=True, type=Numbers(), callback=flat, help="Seed or range.  [default: all]"
    ),
    click.option(
        "--observation",
        multiple=True,
        type=Numbers(),
        callback=flat,
        help="Observation, or a range such as 1-3.  [default: all]",
    ),
    click.option("--plugin", multiple=True, type=FilePath(), help="Python file with own tasks or methods."),
]
NAMES = ("task", "method", "num_simulations", "seed", "observation")


def selecting(command: Command) -> Command:
    """Add the options that select rows, which :func:`selected_by` reads."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def selected_by(options: dict[str, Any]) -> Selection:
    """Load the plug-ins, and return the selection that the options name."""
    from bench.care.selection_of_rows import Selection

    load_plugins(options["plugin"])
    return Selection(**{name: options[name] for name in NAMES})


def tell_counts(rows: pd.DataFrame) -> None:
    """Print the numbers of cells and rows of each task and method."""
    from bench.printable import printable
    from bench.results.naming import method_labels

    named = rows.assign(task=rows["task"].astype(object).fillna("?").map(lambda name: printable(str(name))))
    groups = named.assign(method=method_labels(rows)).groupby(["task", "method"])
    table = groups["cell"].agg(cells="nunique", rows="size").reset_index()
    tell(table.to_string(index=False))
