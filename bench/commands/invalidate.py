"""The command ``scorebench invalidate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.commands.arguments import FilePath, writable
from bench.commands.complaint import complain, tell
from bench.commands.selecting import selected_by, selecting, tell_counts
from bench.errors import UsageError

__all__ = ["invalidate"]


@click.command()
@click.argument("directory", type=FilePath(path_type=Path))
@selecting
@click.option("--reason", help="Why the rows are invalid; tables print it.")
@click.option("--undo", is_flag=True, help="Make the rows valid again.")
def invalidate(directory: Path, reason: str | None, undo: bool, **options: Any) -> int:
    """Mark the selected good rows in DIRECTORY as invalid.

    They stay, tables and figures leave them out, and a run of their cells makes them again.
    """
    from bench.care.changing import invalidate as mark
    from bench.care.selection_of_rows import SELECTING
    from bench.results.store import Store

    if undo == (reason is not None):
        raise UsageError("invalidate: give either --reason TEXT or --undo")
    if reason is not None and not reason.strip():
        raise UsageError("reason: the text is empty; say why the rows are invalid")
    selection = selected_by(options)
    if not selection:
        raise UsageError("invalidate: nothing is selected; name rows with --task, --method or other options")
    store = Store(directory, warn=complain)
    rows = selection.of(store.read([*SELECTING, "status", "invalid"]))
    rows = rows[rows["invalid"].notna() if undo else rows["status"] == "ok"]
    if rows.empty:
        tell(f"none of the selected rows in {directory} is {'invalid' if undo else 'good'}")
        return 0
    writable(directory, "directory")
    held = mark(store, rows, reason)
    rows = rows[~rows["cell"].isin(held)]
    if len(rows):
        tell_counts(rows)
    tell(f"{len(rows)} rows are {'valid again' if undo else f'invalid: {reason}'}")
    if held:
        complain(f"{len(held)} cells are unchanged, because a run holds them; try again when it has ended")
    return 1 if held else 0
