"""Time and memory that the store takes for very many cells with artificial rows."""

from __future__ import annotations

import hashlib
import io
import itertools
import tempfile
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
from rich.console import Console

from bench.care.exporting import all_rows, export
from bench.care.merging import merge
from bench.care.state_counts import COUNTED_BY, state_counts
from bench.clock.timing import peak_memory_mb
from bench.results.claims import claim
from bench.results.schema import SCHEMA
from bench.results.store import Store
from bench.results.table import needed, render, summarize
from bench.run import isolation
from bench.run.cell import Cell, failed_rows
from bench.run.grid import Grid
from bench.run.progress import Progress
from bench.run.run_options import RunOptions
from bench.run.runner import run

__all__ = ["made_up_directory", "store_costs"]

METHODS = ("prior", "rejection_abc", "npe", "exact_score")
HANDED = 500  # number of cells that are sent to another process
BUDGETS = (100, 1000, 10_000, 100_000)


def store_costs(num_cells: int) -> pd.DataFrame:
    """Write artificial rows (ten observations per cell), resume the run, and read, export and merge the rows.

    The first step is the overhead of a cell on top of its own work: taking a lock, sending the cell to a
    process and receiving its rows, and writing a file.

    Arguments:
        num_cells: Number of cells.

    Returns:
        A row for each step: ``seconds``, ``per_cell_ms``, and ``megabytes``. After the step ``write`` the
        latter is the size of the directory, otherwise the peak memory of this process.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        store, quiet = Store(folder), Progress(Console(file=io.StringIO()))
        seeds = list(range(-(-num_cells // (len(METHODS) * len(BUDGETS)))))
        grid = Grid(task=["two_moons"], method=list(METHODS), num_simulations=list(BUDGETS), seed=seeds)
        cells = grid.cells()[:num_cells]

        def step(name: str, start: float, megabytes: float, num: int = num_cells) -> None:
            seconds = time.perf_counter() - start
            per_cell = 1000.0 * seconds / num
            rows.append({"step": name, "seconds": seconds, "per_cell_ms": per_cell, "megabytes": megabytes})

        try:
            isolation.isolated(_made_up, cells[0], workers=1)  # starts the process
            start = time.perf_counter()
            handed = cells[:HANDED]
            for cell in handed:
                with claim(store.directory, cell.key):
                    store.write_cell(cell.key, isolation.isolated(_made_up, cell, workers=1))
            step("claim, hand to a process, write", start, _peak(), len(handed))
        finally:
            isolation.stop()
        start = time.perf_counter()
        for cell in cells:
            store.write_cell(cell.key, _made_up(cell))
        step("write", start, sum(file.stat().st_size for file in Path(folder, "cells").iterdir()) / 1e6)
        start = time.perf_counter()
        summary = run(cells, store, RunOptions(), quiet)
        assert summary.done_before == len(cells)  # noqa: S101
        step("resume, all done", start, _peak())
        start = time.perf_counter()
        render(summarize(store.read(needed())), "text")
        step("table", start, _peak())
        start = time.perf_counter()
        state_counts(store.read(COUNTED_BY))
        step("status", start, _peak())
        start = time.perf_counter()
        export(all_rows(store), "csv", Path(folder, "rows.csv"))
        step("export", start, _peak())
        start = time.perf_counter()
        merge([Path(folder)], Path(folder, "merged"), lambda line: None)
        step("merge", start, _peak())
        start = time.perf_counter()
        render(summarize(Store(Path(folder, "merged")).read(needed())), "text")
        step("table, merged", start, _peak())
    return pd.DataFrame(rows)


def made_up_directory(directory: Path, num_cells: int) -> None:
    """Write a directory of merged files with artificial rows, ten observations for each cell.

    Arguments:
        directory: Directory of results, which has no merged files yet.
        num_cells: Number of cells, of ten tasks with the methods and budgets of :func:`store_costs`.
    """
    tasks = [f"task_{number}" for number in range(10)]
    seeds = -(-num_cells // (len(tasks) * len(METHODS) * len(BUDGETS)))
    [pattern] = Grid(task=["two_moons"], method=["npe"]).cells()
    ten = _made_up(pattern)
    store = Store(directory)
    left = num_cells
    with store.merged.locked(), store.merged.replaced(store.identity()) as new:
        for task in tasks:
            rows = []
            for method, budget, seed in itertools.product(METHODS, BUDGETS, range(seeds)):
                if left:
                    left -= 1
                    key = hashlib.sha256(repr((task, method, budget, seed)).encode()).hexdigest()[:20]
                    own = {
                        "task": task,
                        "method": method,
                        "num_simulations": budget,
                        "seed": seed,
                        "cell": key,
                    }
                    rows += [row | own for row in ten]
            if rows:
                new.write(pa.Table.from_pylist(rows, schema=SCHEMA))


def _made_up(cell: Cell) -> list[dict[str, object]]:
    numbers = {
        "c2st": 0.7,
        "mmd2": 0.1,
        "sliced_w2": 0.2,
        "outside_prior": 0.0,
        "train_s": 10.0,
        "sample_s": 0.1,
    }
    rest = {"nfe": 1.0, "num_parameters": 1000, "simulate_s": 0.1, "num_posterior_samples": 10_000}
    return [row | numbers | rest | {"cell_s": 60.0} for row in failed_rows(cell, "ok", "")]


def _peak() -> float:
    return peak_memory_mb("cpu")
