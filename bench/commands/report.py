"""The command ``scorebench report``: results as one HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from bench.commands.arguments import FilePath, writable
from bench.commands.complaint import complain, tell
from bench.commands.show import all_versions_option, plugin_option
from bench.errors import UsageError
from bench.run.plugins import load_plugins

__all__ = ["report"]

BEGINNING = b"<!DOCTYPE html>"


@click.command()
@click.argument("directory", type=FilePath(path_type=Path))
@click.option("--out", type=FilePath(path_type=Path), help="File to write.  [default: DIRECTORY/report.html]")
@click.option("--title", help="Title of the page.  [default: the directory's name]")
@all_versions_option
@plugin_option
def report(
    directory: Path, out: Path | None, title: str | None, all_versions: bool, plugin: tuple[str, ...]
) -> int:
    """Write the results in DIRECTORY as one HTML file with answers, rows and figures."""
    import matplotlib

    matplotlib.use("Agg")
    from bench.report.page import page, write_page
    from bench.results.store import Store

    load_plugins(plugin)
    if title is not None and not title.strip():
        raise UsageError("title: it is empty; name the page, or leave the option out")
    path = _replaceable(directory / "report.html" if out is None else out)
    store = Store(directory, warn=complain)
    rows = store.read(shown=True)
    text = page(
        rows,
        title=title or f"Results in {directory.resolve().name}",
        directory=str(directory),
        all_versions=all_versions,
        samples=getattr(store, "samples", None),
        say=complain,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_page(text, path)
    tell(out or directory / "report.html")
    return 0


def _replaceable(path: Path) -> Path:
    """Return a path, after checking that it can be written and that no other file than a page is there.

    Raises:
        UsageError: if it is a directory, a file that is no page, or cannot be written.
    """
    if path.is_dir():
        raise UsageError(f"out: {path} is a directory; name a file in it, such as {path / 'report.html'}")
    folder = writable(path.parent)
    if path.exists():
        is_page = False
        if path.is_file():  # a pipe is not opened, because this would wait for a writer
            with path.open("rb") as opened:
                is_page = opened.read(len(BEGINNING)) == BEGINNING
        if not is_page:
            raise UsageError(f"out: {path} exists and is no HTML page; name another file")
    return folder / path.name
