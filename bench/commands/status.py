"""The command ``scorebench status``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.commands.arguments import FilePath
from bench.commands.complaint import complain, tell
from bench.commands.name_types import GridPath
from bench.run.plugins import load_plugins

if TYPE_CHECKING:
    from bench.run.run_record import RunRecord

__all__ = ["status"]

MOST_RUNS = 5  # records that are printed, the latest
MOST_MISSING = 10  # cells that are named


@click.command()
@click.argument("directory", type=FilePath(path_type=Path))
@click.argument("grid", required=False, type=GridPath(path_type=Path))
@click.option("--plugin", multiple=True, type=FilePath(), help="Python file with own tasks or methods.")
def status(directory: Path, grid: Path | None, plugin: tuple[str, ...]) -> int:
    """Count the rows in DIRECTORY by state; with GRID (a YAML file or a preset's name), also what is missing.

    A row is done, stale (made by older code of its task or method), failed, timed out or invalid.
    """
    import pandas as pd

    from bench.care.state_counts import COUNTED_BY, STATES, missing_cells, state_counts
    from bench.errors import UsageError
    from bench.results.store import Store
    from bench.run.grid import read_grid
    from bench.run.run_record import read_records

    load_plugins(plugin)
    cells = [] if grid is None else read_grid(grid, {}).cells()
    try:
        rows = Store(directory, warn=complain).read(COUNTED_BY)
    except UsageError:
        if grid is None:
            raise
        rows = pd.DataFrame(columns=COUNTED_BY)  # nothing has run yet
    missing = missing_cells(cells, rows)
    counts = state_counts(rows, missing, say=complain)
    total = counts.sum(numeric_only=True).to_frame().T.assign(task="all", method="")
    table = pd.concat([counts, total], ignore_index=True)[[*counts.columns]]
    whole = [*STATES, "missing"]
    table[whole] = table[whole].astype(int)
    if grid is None:
        table = table.drop(columns="missing")
    tell(table.to_string(index=False, float_format="{:.2f}".format))
    for cell in missing[:MOST_MISSING]:
        tell(f"missing: {cell.label}, observations {', '.join(map(str, cell.observations))}")
    if len(missing) > MOST_MISSING:
        tell(f"… and {len(missing) - MOST_MISSING} more cells")
    _tell_runs(read_records(directory))
    return 0


def _tell_runs(records: list[RunRecord]) -> None:
    """Print the latest runs, and the grid of the last one."""
    if len(records) > MOST_RUNS:
        tell(f"{len(records)} runs; the latest:")
    for record in records[-MOST_RUNS:]:
        tell(f"{record.comments['started_at']}  {record.comments['command']}  ({record.path})")
    if records:
        tell(f"grid of the last run:\n{records[-1].grid.rstrip()}")
