"""The command ``scorebench errors``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.commands.arguments import FilePath
from bench.commands.complaint import complain, tell

__all__ = ["errors"]

MOST_CELLS = 10  # cells of a group that are named without --full


@click.command()
@click.argument("directory", type=FilePath(path_type=Path))
@click.option("--full", is_flag=True, help="All cells, and the tracebacks as they are stored.")
def errors(directory: Path, full: bool) -> int:
    """Print the failures in DIRECTORY, grouped by message, with the cells that they are of."""
    from bench.care.failure_groups import FAILED_BY, failure_groups
    from bench.results.store import Store

    groups = failure_groups(Store(directory, warn=complain).read(FAILED_BY))
    if not groups:
        tell(f"no failures in {directory}")
    for group in groups:
        tell(f"{group.num_rows} rows of {len(group.cells)} cells: {group.message}")
        cells = list(group.cells.items())
        for cell, observations in cells if full else cells[:MOST_CELLS]:
            tell(f"  {cell}, observations {', '.join(map(str, sorted(observations)))}")
        if len(cells) > MOST_CELLS and not full:
            tell(f"  … and {len(cells) - MOST_CELLS} more cells; --full names them")
        for text, place in group.texts.items() if full else ():
            lines = "\n".join(f"    {line}" for line in text.rstrip().split("\n"))
            tell(f"  {place}:\n{lines}")
    return 0
