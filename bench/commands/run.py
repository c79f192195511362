"""The command ``scorebench run``."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bench.commands.arguments import FilePath, writable
from bench.commands.complaint import complain, tell
from bench.commands.loading import prints_kept, said_if_slow
from bench.commands.name_types import METHOD, METRICS, TASK, GridPath
from bench.commands.number_types import THREADS, Number, Numbers, flat
from bench.errors import StorageError
from bench.printable import printable
from bench.run.signals import sigterm_interrupts

__all__ = ["run"]


@click.command()
@click.argument("grid", required=False, type=GridPath(path_type=Path))
@click.option("-t", "--task", multiple=True, type=TASK, help="Task; repeat for several.")
@click.option(
    "-m",
    "--method",
    multiple=True,
    type=METHOD,
    help="Method, name[param=value,...]; a list [a,b] is several.",
)
@click.option(
    "-n", "--num-simulations", multiple=True, type=Number(), help="Budget, such as 1e3.  [default: 1000]"
)
@click.option(
    "-o",
    "--observation",
    multiple=True,
    type=Numbers(),
    callback=flat,
    help="Observation, or a range such as 1-3.  [default: all]",
)
@click.option(
    "-s",
    "--seed",
    multiple=True,
    type=Numbers(),
    callback=flat,
    help="Seed of simulations and fit, or a range such as 0-2.  [default: 0]",
)
@click.option("--num-samples", type=Number(), help="Posterior samples per observation.  [default: 10000]")
@click.option("--calibration", type=Number(), help="Fresh pairs for calibration, 0 or >= 100.  [default: 0]")
@click.option("--metrics", multiple=True, type=METRICS, help="Metrics, a,b; repeatable.  [default: all]")
@click.option("--keep", help="Also keep these of each row: samples.  [default: nothing]")
@click.option("--keep-samples", type=Number(), help="Posterior samples to keep.  [default: 2000]")
@click.option("--out", type=FilePath(), help="Directory of results.  [default: runs/default]")
@click.option(
    "--jobs",
    type=Number(),
    help="Cells at a time; 1 gives exclusive timings, -1 takes all cores.  [default: 1]",
)
@click.option("--threads", type=THREADS, help="Threads of a cell, or all.  [default: OMP_NUM_THREADS or 1]")
@click.option("--cell-timeout", type=float, help="Seconds that a cell may take.  [default: no limit]")
@click.option("--backend", help="local, sequential (for a debugger), dask or ray.  [default: local]")
@click.option("--address", help="Of the dask scheduler or the ray cluster.  [default: one on this machine]")
@click.option("--device", help="cpu or cuda.  [default: cpu]")
@click.option("--plugin", multiple=True, type=FilePath(), help="Python file with own tasks or methods.")
@click.option("--leave-held", is_flag=True, help="End when other runs hold all that is left, and two wait.")
@click.option("--redo", is_flag=True, help="Run cells that are done, too; new rows replace old ones.")
@click.option("--dry-run", is_flag=True, help="Only say what is done and how long the rest may take.")
def run(grid: Path | None, redo: bool, dry_run: bool, leave_held: bool, **options: Any) -> int:
    """Run a grid: from GRID (a YAML file or a preset's name), options, or both (options win)."""
    with said_if_slow("loading torch, tasks and methods ..."):
        from bench.results.schema import plugin_fields
        from bench.results.store import Store
        from bench.run.forecast import forecast, predicted_seconds
        from bench.run.grid import read_grid
        from bench.run.plugins import notes
        from bench.run.progress import Progress
        from bench.run.run_record import write_record
        from bench.run.runner import run as run_cells
        from bench.run.runner import unsampled

    given = {
        name: list(v) if isinstance(v, tuple) else v for name, v in options.items() if v not in (None, ())
    }
    with prints_kept() as printed:
        settings = read_grid(grid, given)
        cells = settings.cells()  # loads plug-ins
    plugin_fields()  # a plug-in's metric whose column is taken is refused before anything runs
    progress = Progress(log=settings.out / "logs")
    progress.keep(printed.getvalue())
    for line in printed.getvalue().splitlines():
        if line.startswith("scorebench: "):  # the suite's own, such as that a package was not loaded
            tell(printable(line), err=True)
    for note in notes():
        progress.say(note)
    store = Store(settings.out, warn=progress.say)
    if dry_run:
        here = settings.backend in ("local", "sequential")
        tell("\n".join(forecast(cells, store, settings.jobs, here=here, redo=redo)))
        keeps = settings.keep and not redo
        again = unsampled(cells, store, store.states(rename_broken=False)) if keeps else []
        if again:
            tell(f"{len(again)} cells have complete rows, and are fitted again for samples to keep")
        return 0
    writable(settings.out)
    chosen = replace(settings.options, redo=redo, leave_held=leave_held)
    words = ["scorebench", *sys.argv[1:]]
    with sigterm_interrupts():
        try:
            summary = run_cells(
                cells,
                store,
                chosen,
                progress,
                predict=predicted_seconds,
                begin=lambda: write_record(settings, words),
            )
        except StorageError as error:
            if not progress.begun:
                raise
            complain(str(error))
            return 1
    if summary.ran + summary.elsewhere + summary.left == 0:
        tell(f"nothing to do: all {summary.done_before} cells are done in {settings.out}")
        return 0
    before = f", {summary.done_before} were done before" if summary.done_before else ""
    before += f", {summary.elsewhere} by another run" if summary.elsewhere else ""
    before += f", {summary.left} are left to other runs" if summary.left else ""
    tell(f"ran {summary.ran} cells, {summary.failed} failed{before}; results in {settings.out}")
    return 1 if summary.failed else 0
