"""Job arrays for SLURM, whose jobs take cells of one directory by its locks; nothing else runs meanwhile."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import yaml

from bench.errors import UsageError
from bench.run.cell import Cell
from bench.run.cost_model import method_name
from bench.run.grid import Grid

__all__ = ["Array", "Resources", "arrays", "submit", "written"]

FOLDER = "slurm"
GRACE = 120  # seconds before the time limit at which SLURM tells a job to end
PROGRAM = "from bench.commands.main import main; main()"
TIME = re.compile(r"\d+(-\d+(:\d+){0,2}|(:\d+){0,2})")  # minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS
MEMORY = re.compile(r"\d+[KMGT]?")


@dataclass(frozen=True)
class Resources:
    """What a job asks for.

    Attributes:
        time: Time limit in a form of SLURM's, such as ``12:00:00`` or ``1-0``.
        mem: Memory, such as ``8G``.
        cpus: Number of cores.
    """

    time: str
    mem: str
    cpus: int

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UsageError: if SLURM would not understand one.
        """
        if not TIME.fullmatch(self.time) or not self.seconds:
            raise UsageError(f"time = '{self.time}': give minutes, HH:MM:SS or D-HH, such as 12:00:00")
        if not MEMORY.fullmatch(self.mem):
            raise UsageError(f"mem = '{self.mem}': give a number with K, M, G or T, such as 8G")
        if self.cpus < 1:
            raise UsageError(f"cpus = {self.cpus}: at least 1 is needed")

    def changed(self, text: str) -> Resources:
        """Return the resources with those replaced that a text names, as ``mem=16G,time=1-0``.

        Raises:
            UsageError: for an unknown name or a value that SLURM would not understand.
        """
        values: dict[str, str] = {}
        for part in text.split(","):
            name, found, value = (word.strip() for word in part.partition("="))
            if not found or name not in ("time", "mem", "cpus") or name in values:
                raise UsageError(f"for: '{part.strip()}' is not time=…, mem=… or cpus=…, each once")
            values[name] = value
        cpus = values.pop("cpus", str(self.cpus))
        if not cpus.isdecimal():
            raise UsageError(f"for: cpus = '{cpus}' is not a whole number")
        return replace(self, **values, cpus=int(cpus))

    @property
    def seconds(self) -> int:
        """Time limit in seconds."""
        days, dash, rest = self.time.rpartition("-")
        parts = [int(part) for part in rest.split(":")]
        # One number is minutes, or hours after days; two are MM:SS, or HH:MM after days.
        units = [3600, 60, 1] if dash or len(parts) == 3 else [60, 1]
        return int(days or 0) * 86400 + sum(n * unit for n, unit in zip(parts, units, strict=False))


@dataclass(frozen=True)
class Array:
    """A job array and the cells that its jobs take.

    Attributes:
        resources: What each job asks for.
        methods: Specifications of methods.
        cells: Cells that are to be done.
        size: Number of jobs.
        script: Path of the batch script, once it is written.
    """

    resources: Resources
    methods: list[str]
    cells: list[Cell]
    size: int
    script: Path = field(default=Path())


def arrays(
    cells: Sequence[Cell], size: int, resources: Resources, by_method: Mapping[str, Resources]
) -> list[Array]:
    """Return one array for all methods that need the same resources.

    Arguments:
        cells: Cells that are to be done.
        size: Largest number of jobs of an array; there are never more than cells.
        resources: Resources of a method without its own.
        by_method: Resources by the name of a method, or by its specification, which counts first.

    Raises:
        UsageError: if a method of ``by_method`` has no cells in the grid.
    """
    known = {name for cell in cells for name in (cell.method, method_name(cell))}
    for name in by_method:
        if name not in known:
            raise UsageError(f"for: no cell of {name} is to be done; methods: {', '.join(sorted(known))}")
    groups: dict[Resources, list[Cell]] = {}
    for cell in cells:
        own = by_method.get(cell.method) or by_method.get(method_name(cell)) or resources
        groups.setdefault(own, []).append(cell)
    return [
        Array(own, list(dict.fromkeys(cell.method for cell in group)), group, min(size, len(group)))
        for own, group in groups.items()
    ]


def written(found: Sequence[Array], settings: Grid, extra: Sequence[str] = ()) -> list[Array]:
    """Write a grid file and a batch script for each array into a new folder ``DIR/slurm/…``.

    The folder appears once all files are complete. The grid files are copies, so that a later change of the
    user's own file changes no job that waits.

    Arguments:
        found: Arrays to write.
        settings: Grid, whose directory ``out`` is that of the results.
        extra: Further options of sbatch, such as ``--partition=long``.

    Returns:
        The arrays with the paths of their scripts.

    Raises:
        UsageError: if an option or the directory's path has a line break.
    """
    if "\n" in "".join([*extra, str(settings.out)]):
        raise UsageError("slurm: an option or the directory has a line break, which no batch script holds")
    parent = settings.out / FOLDER
    folder = parent / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"
    temporary = parent / f".{folder.name}.tmp"
    temporary.mkdir(parents=True)
    done = []
    for k, array in enumerate(found, start=1):
        grid, script = f"grid-{k}.yaml", f"jobs-{k}.sh"
        own = settings.model_copy(
            update={"method": array.methods, "jobs": 1, "threads": array.resources.cpus}
        )
        values = own.model_dump(mode="json", by_alias=True, exclude_none=True)
        (temporary / grid).write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
        (temporary / script).write_text(_script(array, folder / grid, extra), encoding="utf-8")
        done.append(replace(array, script=folder / script))
    os.rename(temporary, folder)
    return done


def submit(array: Array) -> str:
    """Submit a script and return what sbatch prints.

    Raises:
        UsageError: if there is no sbatch, or it refuses the script.
    """
    try:
        done = subprocess.run(  # noqa: S603
            ["sbatch", str(array.script)],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise UsageError(f"sbatch: not found on this machine; submit {array.script} where it is") from None
    if done.returncode:
        raise UsageError(f"sbatch refused {array.script}: {done.stderr.strip() or done.returncode}")
    return done.stdout.strip()


def _script(array: Array, grid: Path, extra: Sequence[str]) -> str:
    """Return the text of a batch script."""
    need = array.resources
    output = str(grid.parent).replace("%", "%%") + "/%A_%a.out"
    options = [
        "--job-name=scorebench",
        f"--array=1-{array.size}",
        f"--time={need.time}",
        f"--mem={need.mem}",
        f"--cpus-per-task={need.cpus}",
        f"--signal=B:TERM@{GRACE}",
        "--requeue",
        "--open-mode=append",
        f"--output={shlex.quote(output)}",
        *extra,
    ]
    command = shlex.join([sys.executable, "-c", PROGRAM, "run", str(grid), "--leave-held"])
    return "\n".join(
        [
            "#!/bin/bash",
            *(f"#SBATCH {option}" for option in options),
            "# Each job takes cells until none is left. The program replaces the shell, so that it receives",
            f"# the signal that SLURM sends {GRACE} s before the time limit, and leaves its cell to others.",
            f"export OMP_NUM_THREADS={need.cpus}",
            f"exec {command}",
            "",
        ]
    )
