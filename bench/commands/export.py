"""The command ``scorebench export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.commands.arguments import FilePath, writable
from bench.commands.complaint import complain, tell
from bench.errors import UsageError

__all__ = ["export"]


@click.command()
@click.argument("directory", type=FilePath(path_type=Path))
@click.option("--format", "form", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True)
@click.option(
    "-o", "--output", type=FilePath(path_type=Path), help="File to write.  [default: standard output]"
)
def export(directory: Path, form: Any, output: Path | None) -> int:
    """Write all rows in DIRECTORY, with all columns, to one file. CSV may go to standard output."""
    import io

    from bench.care.exporting import all_rows
    from bench.care.exporting import export as write
    from bench.results.store import Store

    if output is None and form == "parquet":
        raise UsageError("export: a Parquet file cannot be printed; name a file with --output")
    if output is not None:
        if output.is_dir():
            raise UsageError(f"output: {output} is a directory; name a file")
        writable(output.absolute().parent, "output")
    rows = all_rows(Store(directory, warn=complain))
    if output is None:
        text = io.BytesIO()
        write(rows, form, text)
        tell(text.getvalue().decode("utf-8"), newline=False)
        return 0
    write(rows, form, output)
    tell(f"{rows.num_rows} rows in {output}")
    return 0
