"""The commands ``scorebench table | plot``: results on a terminal and as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.commands.arguments import FilePath, writable
from bench.commands.complaint import complain, tell
from bench.errors import UsageError
from bench.run.plugins import load_plugins

__all__ = ["plot", "table"]

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


@click.command()
@click.argument("directory", type=FilePath(path_type=Path))
@all_versions_option
@plugin_option
@click.option(
    "--out", type=FilePath(path_type=Path), help="Directory for the figures.  [default: DIRECTORY/figures]"
)
def plot(directory: Path, all_versions: bool, plugin: tuple[str, ...], out: Path | None) -> int:
    """Draw the results in DIRECTORY: every figure for which there are rows."""
    import matplotlib

    matplotlib.use("Agg")
    from bench.results.figures import draw, figures
    from bench.results.figures.style import save
    from bench.results.store import Store

    load_plugins(plugin)
    if out is not None:
        writable(out)
    rows = Store(directory, warn=complain).read(shown=True)
    folder = out or directory / "figures"
    if out is None:
        writable(folder, "figures")
    said: dict[str, None] = {}
    reasons, broken = [], 0
    for name in figures():
        try:
            drawn = draw(name, rows, all_versions=all_versions, say=said.setdefault)
            for path in save(drawn, folder, name):
                tell(path)
        except UsageError as error:  # rows that this figure needs are not there; another may be drawn
            reasons.append(str(error))
        except OSError:
            raise
        except Exception as error:  # of a plug-in: the other figures are drawn all the same
            complain(f"figure {name!r} was not drawn ({type(error).__name__}: {error})")
            broken += 1
    for line in said:  # several figures may leave out the same rows
        complain(line)
    if len(reasons) == len(figures()):
        raise UsageError(reasons[0])
    return 1 if broken else 0
