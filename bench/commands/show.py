"""The command ``scorebench table``: results on a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.commands.arguments import FilePath
from bench.commands.complaint import complain, tell
from bench.run.plugins import load_plugins

__all__ = ["all_versions_option", "plugin_option", "table"]

all_versions_option = click.option(
    "--all-versions",
    is_flag=True,
    help="Show older versions of tasks and methods too, apart from the newest.",
)
plugin_option = click.option(
    "--plugin", multiple=True, type=FilePath(), help="Python file with own metrics or figures."
)


@click.command()
@click.argument("directory", type=FilePath(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "csv", "markdown", "latex"]),
    default="text",
    show_default=True,
)
@all_versions_option
@plugin_option
def table(directory: Path, form: Any, all_versions: bool, plugin: tuple[str, ...]) -> int:
    """Print the means of the results in DIRECTORY."""
    from bench.results.store import Store
    from bench.results.table import needed, render, summarize

    load_plugins(plugin)
    rows = Store(directory, warn=complain).read(needed(), shown=True)
    tell(render(summarize(rows, all_versions=all_versions, say=complain), form), newline=False)
    return 0
