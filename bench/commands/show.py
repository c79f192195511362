"""The commands ``scorebench table | plot``: results on a terminal and as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.commands.arguments import FilePath, writable
from bench.commands.complaint import complain, tell
from bench.commands.print_tables import pivot_or_ranks, selecting, terminal_width, text_options
from bench.errors import UsageError
from bench.run.plugins import load_plugins

__all__ = ["all_versions_option", "plot", "plugin_option", "table"]

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
@text_options
@click.option("--pivot", help="Lines and columns, two of method, task and budget, such as methodxtask.")
@click.option("--ranks", is_flag=True, help="Print ranks of methods over tasks, with tests.")
@click.option("--metric", help="Column that --pivot or --ranks shows.  [default: c2st]")
@click.option(
    "--interval",
    type=click.Choice(["sd", "se", "ci95", "none"]),
    help="What follows ± in a --pivot: standard deviation, standard error, 95 % interval.  [default: sd]",
)
@click.option(
    "--published",
    metavar="[SOURCE]",
    is_flag=False,
    flag_value="all",
    help="Add published results to a --pivot: of sources with this in their name, or all.",
)
@selecting
@all_versions_option
@plugin_option
def table(directory: Path, form: Any, everything: bool, plugin: tuple[str, ...], **options: Any) -> int:
    """Print the means of the results in DIRECTORY, or one table for print by --pivot or --ranks."""
    from bench.results.chosen import chosen
    from bench.results.store import Store
    from bench.results.table import needed, render, summarize

    load_plugins(plugin)
    width = None if everything else terminal_width()
    if options["pivot"] is not None or options["ranks"]:
        tell(pivot_or_ranks(directory, form, width, options), newline=False)
        return 0
    for name in ("metric", "interval", "published", "style"):
        if options[name] is not None:
            also = " or --ranks" if name in ("metric", "style") else ""
            raise UsageError(f"{name} = {options[name]}: needs --pivot{also}")
    rows = chosen(
        Store(directory, warn=complain).read(needed(), shown=True),
        tasks=options["task"],
        methods=options["method"],
        budgets=options["num_simulations"],
    )
    means = summarize(rows, all_versions=options["all_versions"], say=complain)
    tell(render(means, form, width), newline=False)
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
