"""The command ``scorebench plot``: results as pictures for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.commands.arguments import FilePath, finite, writable
from bench.commands.complaint import complain, tell
from bench.commands.name_types import FIGURE, METHOD, METRIC, TASK
from bench.commands.number_types import Number
from bench.commands.show import all_versions_option, plugin_option
from bench.errors import UsageError
from bench.run.plugins import load_plugins

__all__ = ["plot"]

KINDS = ("png", "pdf", "svg")


def _kinds(context: click.Context, option: click.Parameter, value: str) -> tuple[str, ...]:
    """Return the formats of ``png,pdf``; a callback of click."""
    names = [name.strip().lower() for name in value.split(",")]
    for name in names:
        if name not in KINDS:
            raise click.BadParameter(f"{name!r} is none of {', '.join(KINDS)}.")
    return tuple(dict.fromkeys(names))


@click.command()
@click.argument("directory", type=FilePath(path_type=Path))
@click.argument("figure", nargs=-1, type=FIGURE)
@click.option("--task", "-t", multiple=True, type=TASK, help="Task to show; may be repeated.  [default: all]")
@click.option(
    "--method",
    "-m",
    multiple=True,
    type=METHOD,
    help="Method to show, NAME for all its parameters or NAME[param=value]; may be repeated.  [default: all]",
)
@click.option(
    "--num-simulations",
    "-n",
    multiple=True,
    type=Number(min=0),
    help="Simulation budget to show, such as 1e3; may be repeated.  [default: all]",
)
@click.option(
    "--metric", type=METRIC, default="c2st", show_default=True, help="Metric that figures of accuracy show."
)
@click.option(
    "--interval",
    type=click.Choice(["sd", "se", "ci95"]),
    default="sd",
    show_default=True,
    help="What bars are: standard deviation, standard error, or 95 % confidence interval of the mean.",
)
@click.option(
    "--time",
    type=click.Choice(["sampling", "training", "total"]),
    default="sampling",
    show_default=True,
    help="Time in accuracy_by_time.",
)
@click.option("--published", metavar="SOURCE", help="Part of the name of a source of published results.")
@click.option(
    "--style",
    type=FilePath(path_type=Path),
    help="YAML file with names, colours, markers and order of methods and tasks.",
)
@click.option(
    "--format",
    "kinds",
    default="png,pdf",
    show_default=True,
    callback=_kinds,
    help="Formats of the files: png, pdf, svg.",
)
@click.option(
    "--width",
    type=click.FloatRange(2.0, 20.0),
    default=6.75,
    show_default=True,
    callback=finite,
    help="Width of the figures in inches.",
)
@click.option(
    "--font-size",
    type=click.FloatRange(6.0, 30.0),
    default=8.0,
    show_default=True,
    callback=finite,
    help="Size of titles and labels in points.",
)
@click.option("--caption", is_flag=True, help="Write NAME.txt next to each figure: what it shows, versions.")
@all_versions_option
@plugin_option
@click.option(
    "--out", type=FilePath(path_type=Path), help="Directory for the figures.  [default: DIRECTORY/figures]"
)
def plot(directory: Path, figure: tuple[str, ...], **given: Any) -> int:
    """Draw the results in DIRECTORY: the FIGUREs named, or every figure for which there are rows."""
    import matplotlib

    matplotlib.use("Agg")
    from bench.results.chosen import chosen
    from bench.results.ends_of_scale import FLOOR
    from bench.results.figures.caption import caption
    from bench.results.figures.drawing import drawn
    from bench.results.figures.figure import figure_class, figures
    from bench.results.figures.metric_axis import check_metric
    from bench.results.figures.style import save, write_whole
    from bench.results.store import Store

    load_plugins(given["plugin"])
    names = list(dict.fromkeys(figure)) or list(figures())
    for name in names:
        figure_class(name)
    out = given["out"]
    folder = out or directory / "figures"
    if out is not None:
        writable(out)
    store = Store(directory, warn=complain)
    every = store.read(shown=True)
    check_metric(given["metric"], every)
    options = _options(given, store)
    rows = chosen(
        every,
        tasks=given["task"],
        methods=given["method"],
        budgets=given["num_simulations"],
        always={FLOOR},
    )
    if out is None:
        writable(folder, "figures")
    said: dict[str, None] = {}
    if given["published"] is not None and not any(figure_class(name).shows_published for name in names):
        shown_in = [name for name, cls in figures().items() if cls.shows_published]
        said[f"published results are drawn in {', '.join(shown_in)} only"] = None
    reasons, broken = [], 0
    for name in names:
        try:
            made = drawn(name, rows, options, all_versions=given["all_versions"], say=said.setdefault)
            for path in save(made.figure, folder, name, given["kinds"], exact=made.entry.exact):
                tell(path)
            if given["caption"]:
                with write_whole(folder / f"{name}.txt") as temporary:
                    temporary.write_text(caption(made), encoding="utf-8")
                tell(folder / f"{name}.txt")
        except UsageError as error:  # rows that this figure needs are not there; another may be drawn
            reasons.append(f"{name}: {str(error).removeprefix('plot: ')}")
        except OSError:
            raise
        except Exception as error:  # of a plug-in: the other figures are drawn all the same
            complain(f"figure {name!r} was not drawn ({type(error).__name__}: {error})")
            broken += 1
    for line in said:  # several figures may leave out the same rows
        complain(line)
    if len(reasons) == len(names):
        raise UsageError(f"plot: {reasons[0]}" if len(names) == 1 else f"plot: nothing drawn; {reasons[0]}")
    for line in reasons:
        complain(f"not drawn: {line}")
    return 1 if broken or (figure and reasons) else 0


def _options(given: dict[str, Any], store: Any) -> Any:
    """Return the choices of the command line as figures get them."""
    from bench.results.figures.options import FigureOptions
    from bench.results.figures.published_points import published_rows
    from bench.results.style_file import Style, read_style

    published = None
    if given["published"] is not None:
        published = published_rows(given["published"], given["metric"], given["method"])
    return FigureOptions(
        metric=given["metric"],
        interval=given["interval"],
        width=given["width"],
        font_size=given["font_size"],
        style=Style() if given["style"] is None else read_style(given["style"]),
        time=given["time"],
        published=published,
        samples=store.samples,
    )
