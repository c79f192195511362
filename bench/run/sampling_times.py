"""Times of simulation, training and sampling (of one or many observations), with nothing else running."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
import pandas as pd
import torch
from torch import Tensor

import methods
import tasks
from bench.answers.checked_task import checked
from bench.clock.load import load_columns
from bench.clock.timing import Timed, peak_memory_mb, reset_peak_memory, timed_repeatedly
from bench.errors import UsageError
from bench.results.naming import method_labels
from bench.results.provenance import device_name
from bench.results.schema import Row
from bench.results.store import Store
from bench.run import isolation
from bench.run.cell import Cell, blank_row
from bench.run.fit_and_sample import fit_cell
from bench.run.grid import Grid, read_grid
from bench.run.scoring import failure
from bench.run.script import end_second_run
from bench.run.simulation_cache import simulate
from bench.run.warm_up import warm_up
from methods import Posterior
from tasks.contract.seeding import derive_seed

__all__ = ["Request", "Shape", "sampling_times", "times_table"]

BUDGET_S, MAX_REPEATS = 3.0, 50
SIMULATED = 3  # number of timed simulations, of which the median counts
LIMIT = "more than {:g} s"
MOST_SAMPLES = 10_000_000  # largest number of samples in a call: beyond it, memory limits the speed
PEER = "npe"

Shape = tuple[int, int]  # samples per observation, observations per call


@dataclass(frozen=True)
class Request:
    """Measurements to make: all combinations of the sequences below.

    Arguments:
        tasks: Names of tasks.
        methods: Specifications of methods; a list in brackets stands for several methods.
        num_simulations: Simulation budgets.
        seeds: Seeds of simulations and fits.
        num_samples: Numbers of samples per observation.
        batch_sizes: Numbers of observations per call.
        devices: Devices, ``cpu`` or ``cuda``.
        threads: Number of torch's threads.
        max_seconds: Longest sampling call in seconds; calls predicted to take longer are skipped.
        plugins: Paths of files with the user's own tasks or methods.
    """

    tasks: Sequence[str]
    methods: Sequence[str]
    num_simulations: Sequence[int]
    seeds: Sequence[int]
    num_samples: Sequence[int]
    batch_sizes: Sequence[int]
    devices: Sequence[str]
    threads: int
    max_seconds: float
    plugins: Sequence[str] = ()

    def fits(self) -> list[Cell]:
        """Return one cell for each fit.

        Raises:
            UsageError: for values that :class:`bench.run.grid.Grid` does not accept.
        """
        given = {"task": self.tasks, "method": self.methods, "num_simulations": self.num_simulations}
        given |= {"seed": self.seeds, "plugin": self.plugins}
        named = {key: list(value) for key, value in given.items()}
        cells = []
        for device in self.devices:
            grid: Grid = read_grid(None, named | {"device": device, "observation": [1]})
            cells += [replace(cell, threads=self.threads, timing="exclusive") for cell in grid.cells()]
        return cells

    def shapes(self) -> list[Shape]:
        """Return the shapes with at most ``MOST_SAMPLES`` samples, from the smallest call to the largest."""
        every = itertools.product(sorted(set(self.num_samples)), sorted(set(self.batch_sizes)))
        return sorted((shape for shape in every if np.prod(shape) <= MOST_SAMPLES), key=lambda s: s[::-1])


def sampling_times(request: Request, store: Store, say: Callable[[str], None]) -> pd.DataFrame:
    """Make the measurements that have no row yet, one fit at a time, each in a process of its own.

    Arguments:
        request: Measurements to make.
        store: Store that keeps the rows.
        say: Function that receives one line about each fit.

    Returns:
        All rows of the request, new and old, with the store's columns.

    Raises:
        UsageError: for invalid names, parameters or numbers.
    """
    end_second_run()
    shapes = request.shapes()
    if not shapes:
        raise UsageError(
            f"num-samples x batch-size: all are above {MOST_SAMPLES} samples a call; ask for fewer"
        )
    wanted: list[str] = []
    fits = request.fits()
    for number, cell in enumerate(fits, start=1):
        keys = {shape: _key(cell, shape) for shape in shapes}
        wanted += keys.values()
        left = [shape for shape in shapes if not _done(store, keys[shape], request.max_seconds)]
        if not left:
            continue
        say(f"[{number}/{len(fits)}] {cell.label} on {cell.device}, {cell.threads} threads")
        try:
            rows = isolation.isolated(timed_rows, cell, left, request.max_seconds, workers=1)
        except (isolation.DiedError, isolation.FailedError) as error:
            died = {"status": "error", "error": f"{type(error).__name__}: {error}"}
            rows = [_row(blank_row(cell) | died, cell, shape) for shape in left]
        finally:
            isolation.stop()
        for row in rows:
            store.write_cell(row["cell"], [row])
    return store.read().set_index("cell", drop=False).loc[wanted].reset_index(drop=True)


def timed_rows(cell: Cell, shapes: Sequence[Shape], max_seconds: float) -> list[Row]:
    """Fit once, then time sampling in every shape, and return one row for each shape.

    A call that fails, or is predicted to take too long, gets a row that says so.

    Arguments:
        cell: Cell to fit.
        shapes: Shapes of the calls, from the smallest to the largest.
        max_seconds: Longest call in seconds; each call's time is predicted from the two calls before it.
    """
    cell.load_plugins()
    torch.set_num_threads(cell.threads)
    blank = blank_row(cell)
    task, method = checked(tasks.get(cell.task)), methods.get(cell.method)
    try:
        warm_up(method, cell.device)
        blank |= load_columns(blank)
        made = [simulate(task, cell.num_simulations, cell.seed) for _ in range(SIMULATED)]
        data = made[0]
        blank |= {"simulate_s": median(each.seconds for each in made if each.seconds is not None)}
        blank |= {"num_failed_simulations": data.num_failed, "num_extreme_simulations": data.num_extreme}
        blank |= load_columns(blank)
        posterior, fitted = fit_cell(task, method, data, cell)
        blank |= fitted
        torch.manual_seed(derive_seed("time theta", cell.task, cell.seed))
        theta = task.prior().sample((max(size for _, size in shapes),))
        many = task.simulate(theta, seed=derive_seed("time x", cell.task, cell.seed))
        many = torch.nan_to_num(many)
    except Exception:
        return [_row(blank | failure(), cell, shape) for shape in shapes]
    rows, past = [], dict[int, list[tuple[int, float]]]()
    for shape in shapes:
        num_samples, size = shape
        x = task.observation(1) if size == 1 else many[:size]
        predicted = _predicted(past.get(size, []), num_samples)
        if predicted > max_seconds:
            error = f"not run: {predicted:.0f} s predicted from fewer samples, {LIMIT.format(max_seconds)}"
            rows.append(_row(blank | {"status": "timeout", "error": error}, cell, shape))
            continue
        try:
            measured = load_columns(blank) | _measured(posterior, x, num_samples, cell)
        except Exception:
            rows.append(_row(blank | failure(), cell, shape))
            continue
        past.setdefault(size, []).append((num_samples, measured["sample_s"]))
        rows.append(_row(blank | measured, cell, shape))
    return rows


def _measured(posterior: Posterior, x: Tensor, num_samples: int, cell: Cell) -> Row:
    def clocked(drawn: Posterior) -> tuple[Tensor, Timed]:
        sample = drawn.sample if len(x) == 1 else drawn.sample_batched
        return timed_repeatedly(lambda: sample((num_samples,), x=x), cell.device, BUDGET_S, MAX_REPEATS)

    reset_peak_memory(cell.device)
    torch.manual_seed(derive_seed("time samples", cell.task, cell.seed, num_samples, len(x)))
    _, clock = clocked(posterior)
    nfe, raw = posterior.nfe, posterior.without_rejection()
    return {
        "sample_s": clock.seconds,
        "sample_s_iqr": clock.iqr,
        "sample_s_raw": clock.seconds if raw is posterior else clocked(raw)[1].seconds,
        "energy_j": clock.joules,
        "nfe": nfe,
        "peak_memory_mb": peak_memory_mb(cell.device),
    }


def _predicted(past: Sequence[tuple[int, float]], num_samples: int) -> float:
    """Predict the seconds of a call from measurements ``(number of samples, seconds)`` of smaller calls.

    The prediction is the line through the last two measurements. From one measurement it is the same time
    again; from none it is 0.
    """
    if not past:
        return 0.0
    (n0, s0), (n1, s1) = (*[(0, 0.0), *past],)[-2:]
    return s1 + max(s1 - s0, 0.0) / (n1 - n0) * (num_samples - n1) if len(past) > 1 else s1


def _row(row: Row, cell: Cell, shape: Shape) -> Row:
    named = {"num_posterior_samples": shape[0], "batch_size": shape[1], "cell": _key(cell, shape)}
    return row | named | {"num_observation": 1}


def _key(cell: Cell, shape: Shape) -> str:
    """Return the key of a measurement, which differs from the key of any cell of a grid.

    It depends on the number of threads and the model of the device, too.
    """
    named = cell.identity() | {"timed": shape, "threads": cell.threads}
    named |= {"device_name": device_name(cell.device)}
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:20]


def _done(store: Store, key: str, max_seconds: float) -> bool:
    """Return whether the store has a time for the key, or a row that it exceeds this very limit."""
    return any(
        row["status"] == "ok"
        or (row["status"] == "timeout" and row["error"].endswith(LIMIT.format(max_seconds)))
        for row in store.rows(key)
    )


def times_table(rows: pd.DataFrame) -> str:
    """Return a text table of medians over seeds, and of training and sampling times relative to ``npe``.

    A time is compared with that of ``npe`` in the same setting. Times measured while other programs were
    running (``timing`` is ``shared``) have lines of their own.
    """
    shown = rows.assign(method=method_labels(rows))
    alike = ["task", "num_simulations", "device", "threads", "timing", "batch_size", "num_posterior_samples"]
    times = ["simulate_s", "train_s", "sample_s", "sample_s_iqr", "sample_s_raw", "energy_j", "nfe"]
    order = {name: number for number, name in enumerate(dict.fromkeys(shown["method"]))}
    table = shown[shown["status"] == "ok"].groupby([*alike, "method"], as_index=False)[times].median()
    table["order"] = table["method"].map(order)
    table = table.sort_values([*alike, "order"], ignore_index=True).drop(columns="order")
    peer = table[table["method"] == PEER].set_index(alike)
    for name, column in (("train/npe", "train_s"), ("sample/npe", "sample_s_raw")):
        against = peer[column].reindex(pd.MultiIndex.from_frame(table[alike])).to_numpy()
        table[name] = table[column] / against
    table = table.rename(columns={"num_posterior_samples": "samples", "batch_size": "batch"})
    text = table.dropna(axis=1, how="all").to_string(index=False, na_rep="-", float_format="{:.3g}".format)
    bad = shown[shown["status"] != "ok"]
    lines = [
        f"{row['task']} {row['method']} n={row['num_simulations']}, {row['num_posterior_samples']} samples x "
        f"{row['batch_size']}: {row['error'].strip().splitlines()[-1]}"
        for row in bad.to_dict("records")
    ]
    return "\n".join([text, *lines]) + "\n"
