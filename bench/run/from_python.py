"""``bench.run`` and ``bench.load``: the command line's ``run``, and the rows of a directory, from Python."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from bench.errors import UsageError
from bench.results.schema import plugin_fields
from bench.results.store import Store
from bench.run.backends import Backend
from bench.run.cell import Cell
from bench.run.forecast import predicted_seconds
from bench.run.grid import read_grid
from bench.run.notebook import notebook_console
from bench.run.plugins import notes
from bench.run.progress import Progress
from bench.run.runner import run as run_cells
from bench.run.script import end_second_run
from methods import Method, UnknownMethodError
from registries import RegistryError
from tasks import Task, UnknownTaskError

__all__ = ["load", "run"]

Number = int | float | str
Numbers = Number | Iterable[Number]
Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
ATask = str | Task | type[Task]
AMethod = str | Method | type[Method]


def run(
    grid: str | os.PathLike[str] | None = None,
    *,
    task: ATask | Iterable[ATask] | None = None,
    method: AMethod | Iterable[AMethod] | None = None,
    num_simulations: Numbers | None = None,
    observation: Numbers | None = None,
    seed: Numbers | None = None,
    num_samples: Number | None = None,
    calibration: Number | None = None,
    metrics: str | Iterable[str] | None = None,
    keep: Literal["samples"] | None = None,
    keep_samples: Number | None = None,
    out: str | os.PathLike[str] | None = None,
    jobs: Number | None = None,
    threads: Number | Literal["all"] | None = None,
    cell_timeout: float | None = None,
    backend: Backend | None = None,
    address: str | None = None,
    device: Literal["cpu", "cuda"] | None = None,
    plugin: Paths | None = None,
) -> pd.DataFrame:
    """Run the cells of a grid that are not done yet, and return the rows of all its cells.

    The arguments are the options of ``scorebench run`` with their defaults, and each may be one value or
    several. Progress is shown as on the command line, in a notebook in one output that is updated. A cell
    that fails gives rows with ``status`` other than ``ok``, and the column ``error`` says why.

    Arguments:
        grid: Path of a grid file, or name of a preset grid; the other arguments override its values.
        task: Names of tasks, or registered tasks themselves.
        method: Methods with their parameters, ``name[param=value,...]``, or registered methods themselves.
        num_simulations: Simulation budgets, such as 1000 or ``"1e3"``.
        observation: Numbers of observations, from 1, such as 1 or ``"1-3"``; by default all.
        seed: Seeds for simulations, fit and samples, such as 0 or ``"0-2"``.
        num_samples: Number of posterior samples for each observation.
        calibration: Number of fresh pairs to calibrate on, 0 or at least 100.
        metrics: Names of metrics; by default all.
        keep: ``samples`` to keep posterior samples of each row, for ``Store(out).samples``.
        keep_samples: Number of posterior samples to keep; by default 2000.
        out: Directory for the results.
        jobs: Number of cells that run at a time; -1 for all cores.
        threads: Number of threads of a cell; ``all`` for a job's share of the cores.
        cell_timeout: Time limit of a cell in seconds.
        backend: ``local``, ``sequential``, ``dask`` or ``ray``.
        address: Address of a dask scheduler or a ray cluster.
        device: ``cpu`` or ``cuda``.
        plugin: Paths of Python files with tasks, methods or metrics of your own.

    Returns:
        One row for each cell and observation, with the columns of ``bench/results/schema.py``, in the order
        of the grid.

    Raises:
        UsageError: for a bad value; the message is one line, and nothing has been written. Also if a script
            defines a class below its first call of this function, where worker processes do not see it.

    Example:
        >>> import bench, tempfile
        >>> out = tempfile.mkdtemp()
        >>> few = {"num_simulations": 1e2, "observation": "1-2", "num_samples": 50, "metrics": "mmd2"}
        >>> rows = bench.run(task="two_moons", method="prior", **few, backend="sequential", out=out)
        >>> rows[["task", "method", "num_simulations", "num_observation", "status"]].values.tolist()
        [['two_moons', 'prior', 100, 1, 'ok'], ['two_moons', 'prior', 100, 2, 'ok']]
        >>> len(bench.load(out))
        2
    """
    given = dict(locals())
    end_second_run()  # a script's second run, in a worker process, ends here: its classes are defined
    file = given.pop("grid")
    options = {name: _plain(name, value) for name, value in given.items() if value is not None}
    settings = read_grid(None if file is None else Path(file), options)
    plugin_fields()  # a plug-in's metric whose column is taken is refused before anything runs
    cells = settings.cells()
    with notebook_console() as console:
        progress = Progress(console=console, log=settings.out / "logs")
        for note in notes():
            progress.say(note)
        store = Store(settings.out, warn=progress.say)
        try:
            run_cells(cells, store, settings.options, progress, predicted_seconds)
        except (UnknownMethodError, UnknownTaskError) as error:  # it is known in this process
            raise UsageError(
                f"{str(error).partition(';')[0]} in a worker process, which runs a script only up to its "
                "first call of bench.run: define the class above that call"
            ) from None
        return _rows(store, cells)


def load(directory: str | Path) -> pd.DataFrame:
    """Return all rows of a result directory, one for each cell and observation.

    Files that do not belong are left out with a warning, and nothing in the directory is changed.

    Raises:
        UsageError: if there are no results.

    Example:
        >>> import bench
        >>> bench.load("missing")
        Traceback (most recent call last):
        bench.errors.UsageError: missing: no results there (expected missing/cells/*.parquet)
    """
    return Store(directory).read()


def _rows(store: Store, cells: list[Cell]) -> pd.DataFrame:
    """Return the stored rows of the cells' observations, in their order."""
    order = [(cell.key, k) for cell in cells for k in cell.observations]
    place = pd.Series(range(len(order)), index=pd.MultiIndex.from_tuples(order))
    rows = store.read()
    rows["place"] = place.reindex(pd.MultiIndex.from_frame(rows[["cell", "num_observation"]])).to_numpy()
    wanted = rows.dropna(subset="place").sort_values("place")
    return wanted.drop(columns="place").reset_index(drop=True)


def _plain(option: str, value: Any) -> Any:
    """Return an option's value as a grid file would give it: numbers, text, and lists of them."""
    if isinstance(value, Task | Method | type):
        return _name(option, value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, str | bytes | dict) or not isinstance(value, Iterable):
        return value
    return [_plain(option, one) for one in value]


def _name(option: str, part: Any) -> str:
    """Return the name by which a process finds the class of a task or method.

    Raises:
        UsageError: if the class is not registered under its name, or it is an object with state that its name
            does not tell.
    """
    from methods.contract.registry import method_class
    from tasks import task_class

    cls = part if isinstance(part, type) else type(part)
    kind, find = ("task", task_class) if issubclass(cls, Task) else ("method", method_class)
    if kind != option or not issubclass(cls, Task | Method):
        raise UsageError(f"{option} = class {cls.__qualname__}: not derived from {option.capitalize()}")
    try:
        known = find(cls.name)
    except RegistryError:
        known = None
    if isinstance(part, Task) and inspect.signature(cls).parameters:
        # A process makes the task from its class alone.
        raise UsageError(
            f"{option} = object of class {cls.__qualname__}, whose constructor takes arguments: register a "
            "class for each set of arguments, and give its name"
        )
    if known is not cls:
        raise UsageError(
            f'{option} = class {cls.__qualname__}: not registered; write @register_{kind}("NAME") above it'
        )
    return part.spec if isinstance(part, Method) else cls.name
