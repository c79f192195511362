"""Grids of tasks × methods × budgets × seeds (× observations), read from a YAML file and the command line."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

import methods
import tasks
from bench.errors import UsageError
from bench.metrics import metric_class
from bench.metrics.calibration_pairs import MIN_PAIRS
from bench.results.directories import read_regular, sound
from bench.run.backends import Backend
from bench.run.cell import Cell
from bench.run.plugins import absolute, load_plugins
from bench.run.presets import presets
from bench.run.run_options import RunOptions
from bench.run.threads import cpu_count, scoring_threads, training_threads
from bench.written_numbers import number_range, whole_number
from methods import SpecError, explain
from methods.contract.spec import count
from registries import PlainYAMLError, RegistryError, read_plain_yaml

__all__ = ["Grid", "read_grid"]

MOST_CELLS = 1_000_000
MOST_BYTES = 1_000_000  # of a grid file
ALL_CORES = -1  # number of jobs, as in joblib and scikit-learn
KEPT_SAMPLES = 2000  # of each row, unless another number is given
LARGEST = 2**63 - 1  # largest integer that a column of a row holds


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _with_ranges(value: Any) -> Any:
    """Replace each text ``A-B`` by the numbers of that range."""
    ranges = [(one, number_range(one)) for one in _as_list(value)]
    return [number for one, several in ranges for number in ([one] if several is None else several)]


def _threads(value: Any) -> Any:
    number = whole_number(value)
    if isinstance(number, str) and number != "all":
        raise ValueError("input should be a valid integer, or all")
    return number


def _key(name: str) -> str:
    return name.replace("_", "-")


def _split(value: Any) -> Any:
    """Split ``a,b``; names of metrics hold no comma."""
    return [
        name.strip() if isinstance(name, str) else name
        for one in _as_list(value)
        for name in (one.split(",") if isinstance(one, str) else [one])
    ]


Integer = Annotated[int, BeforeValidator(whole_number), Field(strict=True)]
Positive = Annotated[Integer, Field(ge=1, le=LARGEST)]
Whole = Annotated[Integer, Field(ge=0, le=LARGEST)]
Several = BeforeValidator(_as_list)
Ranges = BeforeValidator(_with_ranges)


class Grid(BaseModel):
    """The configuration of ``scorebench run``. Keys in YAML are the long options of the command line.

    A key may hold one value or a list. Without ``observation``, all observations of a task are scored.
    Without ``metrics``, all are computed. With ``keep="samples"``, the first ``keep_samples`` posterior
    samples of each row are kept. ``threads`` is the number of threads for training, sampling and scoring a
    cell, or ``all``; for its default, see :mod:`bench.run.threads`. Whole numbers may be written as ``1e3``,
    observations and seeds also as a range such as ``1-3``, and ``jobs=-1`` means all cores.

    Example:
        >>> grid = Grid(task="two_moons", method=["prior", "rejection_abc"], observation=[1, 2])
        >>> [cell.label for cell in grid.cells()]
        ['two_moons prior n=1000 seed=0', 'two_moons rejection_abc n=1000 seed=0']
    """

    model_config = ConfigDict(extra="forbid", alias_generator=_key, populate_by_name=True)

    task: Annotated[list[Annotated[str, Field(strict=True)]], Several, Field(min_length=1)]
    method: Annotated[list[Annotated[str, Field(strict=True)]], Several, Field(min_length=1)]
    num_simulations: Annotated[list[Positive], Several, Field(min_length=1)] = [1000]
    observation: Annotated[list[Integer], Ranges] = []
    seed: Annotated[list[Whole], Ranges, Field(min_length=1)] = [0]
    num_samples: Positive = 10_000
    calibration: Whole = 0
    metrics: Annotated[list[Annotated[str, Field(strict=True)]], BeforeValidator(_split)] = []
    keep: Literal["samples"] | None = None
    keep_samples: Positive | None = None
    out: Annotated[Path, Field(validate_default=True)] = Path("runs/default")
    jobs: Annotated[Integer, Field(le=LARGEST)] = 1
    threads: Annotated[Positive | Literal["all"] | None, BeforeValidator(_threads)] = None
    cell_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    backend: Backend = "local"
    address: str | None = None
    device: Literal["cpu", "cuda"] = "cpu"
    plugin: Annotated[list[str], Several] = []

    @field_validator(
        "task", "method", "num_simulations", "observation", "seed", "plugin", "metrics", mode="after"
    )
    @classmethod
    def _each_once(cls, values: list[Any]) -> list[Any]:
        return list(dict.fromkeys(values))

    @field_validator("plugin", mode="after")
    @classmethod
    def _seen_from_anywhere(cls, plugin: list[str]) -> list[str]:
        return [absolute(str(_at_home(path, "plugin"))) for path in plugin]

    @field_validator("out", mode="after")
    @classmethod
    def _kept_in_place(cls, out: Path) -> Path:
        return _at_home(str(out), "out").absolute()  # a plug-in may change the working directory

    @field_validator("calibration", mode="after")
    @classmethod
    def _enough_pairs(cls, calibration: int) -> int:
        if 0 < calibration < MIN_PAIRS:
            raise ValueError(f"at least {MIN_PAIRS} pairs are needed, or 0 for no calibration")
        return calibration

    @field_validator("jobs", mode="after")
    @classmethod
    def _some_jobs(cls, jobs: int) -> int:
        if jobs < 1 and jobs != ALL_CORES:
            raise ValueError(f"input should be at least 1, or {ALL_CORES} for all cores")
        return jobs

    @field_validator("device", mode="after")
    @classmethod
    def _device_is_there(cls, device: str) -> str:
        if device == "cuda" and not torch.cuda.is_available():
            raise ValueError("this machine has no CUDA device that torch can use; use cpu")
        return device

    @model_validator(mode="after")
    def _together(self) -> Grid:
        if self.cell_timeout is not None and self.backend == "sequential":
            raise ValueError("cell-timeout: backend sequential has no process to stop; use local")
        if self.address is not None and self.backend not in ("dask", "ray"):
            raise ValueError(f"address is for backend dask or ray, not {self.backend}")
        if self.threads == "all" and self.backend in ("dask", "ray"):
            raise ValueError(f"threads = 'all': backend {self.backend} needs a number of threads")
        if self.jobs == ALL_CORES:
            if self.address is not None:
                raise ValueError(f"jobs = {ALL_CORES} counts this machine's cores; give a cluster a number")
            self.jobs = cpu_count()
        if self.keep_samples is not None and self.keep is None:
            raise ValueError("keep-samples is the number of samples for keep: samples, which is not given")
        return self

    @property
    def options(self) -> RunOptions:
        """Options for running the grid's cells."""
        return RunOptions(self.jobs, self.cell_timeout, self.backend, self.address)

    def cells(self) -> list[Cell]:
        """Return all cells in the order of the grid.

        Raises:
            UsageError: for an unknown task, method, parameter or metric, an observation that a task does not
                have, more than ``MOST_CELLS`` cells, or a value of ``OMP_NUM_THREADS`` that is not a number.
        """
        load_plugins(self.plugin)
        try:
            self._check_size()
            observations = {name: self._observations_of(name) for name in self.task}
            specs = [method.spec for spec in self.method for method in methods.expand(spec)]
            for name in self.metrics:
                metric_class(name)
        except (RegistryError, SpecError) as error:
            raise UsageError(str(error)) from None
        here = self.backend in ("local", "sequential")
        if here:
            threads, scored_on = (
                each(self.threads, self.jobs) for each in (training_threads, scoring_threads)
            )
        else:  # A cluster gives each job one core, and its workers do not share this environment.
            threads = scored_on = self.threads if isinstance(self.threads, int) else 1
        alone = here and self.jobs == 1
        axes = itertools.product(self.task, self.num_simulations, self.seed, dict.fromkeys(specs))
        return [
            Cell(
                task=task,
                method=spec,
                num_simulations=num_simulations,
                seed=seed,
                num_samples=self.num_samples,
                calibration=self.calibration,
                device=self.device,
                observations=observations[task],
                plugins=tuple(self.plugin),
                threads=threads,
                scoring_threads=scored_on,
                timing="exclusive" if alone else "shared",
                metrics=tuple(self.metrics) or None,
                keep_samples=(self.keep_samples or KEPT_SAMPLES) if self.keep else 0,
            )
            for task, num_simulations, seed, spec in axes
        ]

    def _check_size(self) -> None:
        """Count the cells without making them, because too many would need all memory."""
        axes = (len(self.task), len(self.num_simulations), len(self.seed), sum(map(count, self.method)))
        number = math.prod(axes)
        if number > MOST_CELLS:
            raise UsageError(
                f"grid: {axes[0]} tasks x {axes[3]} methods x {axes[1]} budgets x {axes[2]} seeds are "
                f"{number} cells; at most {MOST_CELLS} can be run at once: split the grid"
            )

    def _observations_of(self, name: str) -> tuple[int, ...]:
        task = tasks.get(name)
        for k in self.observation:
            if not 1 <= k <= task.num_observations:
                raise UsageError(
                    f"observation = {k}: task {name} has observations 1 to {task.num_observations}"
                )
        return tuple(self.observation or range(1, task.num_observations + 1))


def read_grid(file: Path | None, options: dict[str, Any]) -> Grid:
    """Read a grid from a YAML file (if any) and options of the command line, which override the file.

    Arguments:
        file: Path of a YAML mapping of long options, or name of a preset of :mod:`bench.run.presets`.
        options: Options given by the user, keyed by their names in Python.

    Raises:
        UsageError: if the file is missing, empty, not YAML or not a mapping, a key is unknown, a value is
            invalid, or there is no task or method.
    """
    values = {} if file is None else _load(file)
    values |= {_key(name): value for name, value in options.items()}
    known = [_key(name) for name in Grid.model_fields]
    source = "grid" if file is None else f"grid {file}"
    for needed in ("task", "method"):
        if needed not in values:
            raise UsageError(f"{source}: no {needed} given; name one with --{needed} or in a grid file")
    try:
        return Grid(**values)
    except ValidationError as error:
        raise UsageError(explain(error, source, known)) from None


def _load(file: Path) -> dict[str, Any]:
    sound(file, "grid")
    preset = presets().get(str(file))
    if preset is not None and not file.exists():
        file = preset
    try:
        values = read_plain_yaml(read_regular(file, MOST_BYTES).decode("utf-8"))
    except FileNotFoundError:
        raise UsageError(f"grid {file}: no such file, and no preset ({', '.join(presets())})") from None
    except OSError as error:
        raise UsageError(f"grid {file}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"grid {file}: not a text file") from None
    except PlainYAMLError as error:
        line = f", line {error.line}" if error.line else ""
        raise UsageError(f"grid {file}{line}: {error.reason}") from None
    if values is None:
        raise UsageError(
            f"grid {file}: the file is empty; it should map long options to values, e.g. task: sir"
        )
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise UsageError(f"grid {file}: should map long options to values, e.g. task: sir")
    spelt: dict[str, str] = {}
    for name in values:
        if _key(name) in spelt:
            raise UsageError(f"grid {file}: {spelt[_key(name)]} and {name} are two spellings of one key")
        spelt[_key(name)] = name
    return {_key(name): value for name, value in values.items()}


def _at_home(path: str, option: str) -> Path:
    """Return a path with ``~`` replaced, as a shell does; pydantic makes an error of a ValueError."""
    try:
        sound(path, option)
        return Path(path).expanduser()
    except UsageError as error:
        raise ValueError(str(error).removeprefix(f"{option}: ")) from None
    except RuntimeError:
        raise ValueError("no such user's home directory") from None
