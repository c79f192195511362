"""The command ``scorebench rm``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.commands.arguments import FilePath, writable
from bench.commands.complaint import complain, tell
from bench.commands.selecting import selected_by, selecting, tell_counts
from bench.errors import UsageError

__all__ = ["rm"]


@click.command()
@click.argument("directory", type=FilePath(path_type=Path))
@selecting
@click.option("--older", is_flag=True, help="Only rows of an older version or source of the task or method.")
@click.option("--yes", is_flag=True, help="Remove the rows, instead of only saying which.")
def rm(directory: Path, older: bool, yes: bool, **options: Any) -> int:
    """Remove the selected rows from DIRECTORY; without --yes, only say which they are."""
    from bench.care.changing import remove
    from bench.care.selection_of_rows import SELECTING
    from bench.care.stale import STALE_BY, stale
    from bench.results.store import Store

    selection = selected_by(options)
    if not selection and not older:
        raise UsageError(
            "rm: nothing is selected; name rows with --task, --method or other options, or --older"
        )
    store = Store(directory, warn=complain)
    rows = selection.of(store.read(list(dict.fromkeys([*SELECTING, *STALE_BY]))))
    if older:
        rows = rows[stale(rows, say=complain)]
    if rows.empty:
        tell(f"no rows to remove in {directory}")
        return 0
    tell_counts(rows)
    if not yes:
        tell(f"would remove {len(rows)} rows of {rows['cell'].nunique()} cells; --yes removes them")
        return 0
    writable(directory, "directory")
    held = remove(store, rows)
    kept = rows["cell"].isin(held)
    tell(f"removed {len(rows[~kept])} rows of {rows[~kept]['cell'].nunique()} cells from {directory}")
    if held:
        complain(f"{len(held)} cells are kept, because a run holds them; try again when it has ended")
    return 1 if held else 0
