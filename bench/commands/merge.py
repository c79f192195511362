"""The command ``scorebench merge``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.commands.arguments import FilePath, writable
from bench.commands.complaint import complain, tell

__all__ = ["merge"]


@click.command()
@click.argument("directories", nargs=-1, required=True, type=FilePath(path_type=Path))
@click.option("--out", required=True, type=FilePath(path_type=Path), help="Directory of the merged results.")
def merge(directories: tuple[Path, ...], out: Path) -> int:
    """Merge the results in DIRECTORIES into --out, which may be one of them, by cell and observation.

    Of two good rows, the one with more metrics is kept, then the later started; a row that failed never
    replaces a good one. The directories themselves are not changed.
    """
    from bench.care.merging import merge as merged

    done = merged(directories, writable(out), complain)
    what = f"{done.num_rows} rows of {done.num_cells} cells"
    tell(f"merged {what} into {out}" if done.changed else f"nothing to do: {out} has all {what}")
    return 0
