"""The command ``scorebench slurm``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from bench.commands.arguments import writable
from bench.commands.complaint import tell
from bench.commands.loading import said_if_slow
from bench.commands.number_types import Number
from bench.commands.run import run
from bench.errors import UsageError

__all__ = ["slurm"]

OWN = re.compile(r"(.+?):((?:time|mem|cpus) *=.*)")
# Options of ``run`` that choose how cells run on one machine.
OTHERS = {"jobs", "threads", "backend", "address", "dry_run", "leave_held", "redo"}


@click.command()
@click.option("--array", type=Number(1), required=True, help="Largest number of jobs.")
@click.option("--time", "limit", required=True, help="Time limit of a job, such as 12:00:00 or 1-0.")
@click.option("--mem", required=True, help="Memory of a job, such as 8G.")
@click.option("--cpus", type=Number(1), default=1, show_default=True, help="Cores of a job.")
@click.option("--for", "own", multiple=True, help="Resources of a method, npse:mem=16G,time=1-0,cpus=2.")
@click.option("--sbatch", multiple=True, help="Further option of sbatch, --sbatch=--partition=long.")
@click.option("--submit", is_flag=True, help="Submit the job arrays; otherwise they are only written.")
def slurm(
    grid: Path | None,
    array: int,
    limit: str,
    mem: str,
    cpus: int,
    own: tuple[str, ...],
    sbatch: tuple[str, ...],
    submit: bool,
    **options: Any,
) -> int:
    """Write a SLURM job array whose jobs share the cells of GRID (a YAML file or a preset's name)."""
    with said_if_slow("loading torch, tasks and methods ..."):
        from bench.results.store import Store
        from bench.run.forecast import predicted_seconds, total_lines
        from bench.run.grid import read_grid
        from bench.run.runner import pending
        from bench.run.slurm_jobs import Resources, arrays, written
        from bench.run.slurm_jobs import submit as submitted

    given = {
        name: list(v) if isinstance(v, tuple) else v for name, v in options.items() if v not in (None, ())
    }
    settings = read_grid(grid, given)
    if settings.backend != "local":
        raise UsageError(f"backend = '{settings.backend}': the jobs of an array need none; leave it out")
    resources = Resources(limit, mem, cpus)
    by_method = {}
    for text in own:
        match = OWN.fullmatch(text)
        if not match:
            raise UsageError(f"for: '{text}' should be METHOD:mem=…,time=…,cpus=…")
        try:
            by_method[match[1].strip()] = resources.changed(match[2])
        except UsageError as error:
            raise UsageError(f"for: '{text}': {error}") from None
    for option in sbatch:
        if not option.startswith("-"):
            raise UsageError(f"sbatch: '{option}' is not an option; write --sbatch=--partition=long")
    store = Store(settings.out, warn=lambda line: tell(line, err=True))
    cells = pending(settings.cells(), store.states(rename_broken=False))
    if not cells:
        tell(f"nothing to do: all cells are done in {settings.out}")
        return 0
    found_arrays = arrays(cells, array, resources, by_method)
    writable(settings.out)
    seconds = predicted_seconds(cells, store)
    for one in written(found_arrays, settings, sbatch):
        tell(f"{one.script}: {one.size} jobs for {len(one.cells)} cells of {', '.join(one.methods)}")
        tell("\n".join(total_lines(one.cells, store, one.size)))
        long = [cell for cell in one.cells if (seconds[cell.key] or 0) > one.resources.seconds]
        if long:
            tell(
                f"{len(long)} cells are predicted to take longer than {one.resources.time}, among them "
                f"{long[0].label}: such a cell would never end",
                err=True,
            )
        tell(submitted(one) if submit else f"to submit it: sbatch {one.script}")
    return 0


slurm.params = [param for param in run.params if param.name not in OTHERS] + slurm.params
