"""The command line: ``scorebench run | list | table | plot | time | study | check | reference``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from click.exceptions import NoArgsIsHelpError

from bench import __version__
from bench.commands.arguments import certified_task, known_tasks, writable
from bench.commands.check import check
from bench.commands.studies import reproduce, study
from bench.commands.timings import time_
from bench.errors import UsageError
from bench.run.signals import Terminated, sigterm_interrupts
from registries import RegistryError

__all__ = ["cli", "main"]

# What takes seconds to import (torch, sbi, seaborn) is imported by the command that needs it.


def main() -> None:
    """Entry point: bad input gives one line on standard error and exit status 2."""
    try:
        status = cli.main(standalone_mode=False)
    except NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help())
        status = 0
    except (RegistryError, UsageError) as error:
        _complain(str(error))
        status = 2
    except click.ClickException as error:
        _complain(error.format_message())
        status = 2
    except OSError as error:  # of files and connections: the traceback would say no more
        _complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        status = 2
    except (click.Abort, KeyboardInterrupt) as error:
        _complain("interrupted; what is done is kept, run the same command to go on")
        status = 143 if isinstance(error.__cause__, Terminated) else 130  # click has wrapped it
    sys.exit(status)


def _complain(message: str) -> None:
    click.echo(f"scorebench: {' '.join(message.split())}", err=True)


all_versions_option = click.option(
    "--all-versions",
    is_flag=True,
    help="Show older versions of tasks and methods too, apart from the newest.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="scorebench")
def cli() -> None:
    """Benchmark simulation-based inference: tasks x methods x budgets in, tables and figures out."""


@cli.command()
@click.argument("grid", required=False, type=click.Path(path_type=Path))
@click.option("-t", "--task", multiple=True, help="Task; repeat for several.")
@click.option("-m", "--method", multiple=True, help="Method, name[param=value,...]; a list [a,b] is several.")
@click.option("-n", "--num-simulations", multiple=True, type=int, help="Simulation budget.  [default: 1000]")
@click.option("-o", "--observation", multiple=True, type=int, help="Observation.  [default: all]")
@click.option("-s", "--seed", multiple=True, type=int, help="Seed of simulations and fit.  [default: 0]")
@click.option("--num-samples", type=int, help="Posterior samples per observation.  [default: 10000]")
@click.option("--calibration", type=int, help="Fresh pairs for calibration, 0 or >= 100.  [default: 0]")
@click.option("--out", type=click.Path(), help="Directory of results.  [default: runs/default]")
@click.option("--jobs", type=int, help="Cells at a time; 1 gives exclusive timings.  [default: 1]")
@click.option("--threads", type=int, help="Threads of a cell.  [default: OMP_NUM_THREADS, else 1]")
@click.option("--cell-timeout", type=float, help="Seconds that a cell may take.  [default: no limit]")
@click.option("--backend", help="local, sequential (for a debugger), dask or ray.  [default: local]")
@click.option("--address", help="Of the dask scheduler or the ray cluster.  [default: one on this machine]")
@click.option("--device", help="cpu or cuda.  [default: cpu]")
@click.option("--plugin", multiple=True, type=click.Path(), help="Python file with own tasks or methods.")
@click.option("--dry-run", is_flag=True, help="Only say what is done and how long the rest may take.")
def run(grid: Path | None, dry_run: bool, **options: Any) -> int:
    """Run a grid: from GRID (a YAML file or a preset's name), options, or both (options win)."""
    from bench.results.store import Store
    from bench.run.forecast import forecast
    from bench.run.grid import read_grid
    from bench.run.progress import Progress
    from bench.run.runner import run as run_cells

    given = {
        name: list(v) if isinstance(v, tuple) else v for name, v in options.items() if v not in (None, ())
    }
    settings = read_grid(grid, given)
    cells = settings.cells()
    progress = Progress(log=settings.out / "logs")
    store = Store(settings.out, warn=progress.say)
    if dry_run:
        click.echo("\n".join(forecast(cells, store, settings.jobs)))
        return 0
    writable(settings.out)
    with sigterm_interrupts():
        summary = run_cells(cells, store, settings.options, progress)
    if summary.ran + summary.elsewhere == 0:
        click.echo(f"nothing to do: all {summary.done_before} cells are done in {settings.out}")
        return 0
    before = f", {summary.done_before} were done before" if summary.done_before else ""
    before += f", {summary.elsewhere} by another run" if summary.elsewhere else ""
    click.echo(f"ran {summary.ran} cells, {summary.failed} failed{before}; results in {settings.out}")
    return 1 if summary.failed else 0


@cli.command("list")
@click.argument("what", required=False, type=click.Choice(["tasks", "methods", "metrics", "grids"]))
@click.option("--plugin", multiple=True, type=click.Path(), help="Python file with own tasks or methods.")
def list_(what: str | None, plugin: tuple[str, ...]) -> int:
    """List tasks, methods, metrics and preset grids."""
    from bench.commands.listing import listing
    from bench.run.plugins import load_plugins

    load_plugins(plugin)
    click.echo(listing([what] if what else ["tasks", "methods", "metrics", "grids"]))
    return 0


@cli.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "csv", "markdown", "latex"]),
    default="text",
    show_default=True,
)
@all_versions_option
def table(directory: Path, form: Any, all_versions: bool) -> int:
    """Print the means of the results in DIRECTORY."""
    from bench.results.store import Store
    from bench.results.table import NEEDED, render, summarize

    rows = Store(directory, warn=_complain).read(NEEDED)
    click.echo(render(summarize(rows, all_versions=all_versions, say=_complain), form), nl=False)
    return 0


@cli.command()
@click.argument("directory", type=click.Path(path_type=Path))
@all_versions_option
def plot(directory: Path, all_versions: bool) -> int:
    """Draw the results in DIRECTORY."""
    import matplotlib

    matplotlib.use("Agg")
    from bench.results.figures import FIGURES, save
    from bench.results.store import Store

    rows = Store(directory, warn=_complain).read()
    writable(directory / "figures", "figures")
    said: dict[str, None] = {}
    reasons = []
    for name, figure in FIGURES.items():
        try:
            drawn = figure(rows, all_versions=all_versions, say=said.setdefault)
        except UsageError as error:  # rows that this figure needs are not there; another may be drawn
            reasons.append(str(error))
            continue
        for path in save(drawn, directory / "figures", name):
            click.echo(path)
    for line in said:  # several figures may leave out the same rows
        _complain(line)
    if len(reasons) == len(FIGURES):
        raise UsageError(reasons[0])
    return 0


@cli.command()
@click.argument("name", metavar="TASK")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Observations at a time.")
def reference(name: str, jobs: int) -> int:
    """Make the stored reference posterior of TASK and its certificate again; minutes to an hour."""
    from bench.metrics import c2st
    from tasks.reference.make import MakeReferenceError, make_reference
    from tasks.stored.files import FOLDER

    [known] = known_tasks([name])
    writable(FOLDER, "reference")
    try:
        make_reference(certified_task(known), c2st, click.echo, jobs)
    except MakeReferenceError as error:
        click.echo(f"scorebench: {error}", err=True)
        return 1
    return 0


for group in (time_, study, reproduce, check):
    cli.add_command(group)
