"""Forecast of a run: which cells it would run, and what they cost by rows of other cells."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import pandas as pd

from bench.errors import UsageError
from bench.results.naming import parameters
from bench.results.store import Store
from bench.run.cell import Cell
from bench.run.cost_model import Cost, CostModel
from bench.run.runner import from_other_source, pending
from bench.run.shipped_costs import own_costs, shipped_costs
from bench.run.threads import cpu_count

__all__ = ["forecast", "makespan", "predicted", "predicted_seconds", "total_lines"]


def forecast(
    cells: Sequence[Cell], store: Store, jobs: int, *, here: bool = True, redo: bool = False
) -> list[str]:
    """Return a line for each cell (done or to do) and two lines at the end: counts and costs.

    Arguments:
        cells: Cells of a grid.
        store: Store whose rows show which cells are done and what they cost.
        jobs: Number of cells that run at a time.
        here: Whether they run on this machine, whose cores they then share.
        redo: Whether cells that are done run again.
    """
    states = store.states(rename_broken=False)  # a forecast changes nothing
    todo = {cell.key: cell for cell in pending(list(cells), states, redo)}
    costs = predicted(list(todo.values()), store)
    lines = from_other_source(list(cells), states)
    for cell in cells:
        if cell.key not in todo:
            lines.append(f"done   {cell.label}")
            continue
        cost = costs[cell.key]
        guess = "time unknown" if cost is None else f"about {_words(cost.wall_s(cell))}"
        some = "" if todo[cell.key] == cell else f", observations {_numbers(todo[cell.key])}"
        lines.append(f"to do  {cell.label}: {guess}{some}")
    lines.append(f"{len(cells)} cells: {len(cells) - len(todo)} done, {len(todo)} to do")
    return lines + _total(todo, costs, jobs, here)


def predicted(cells: Sequence[Cell], store: Store) -> dict[str, Cost | None]:
    """Return the cost of each cell by its key; None if no row of its method is known.

    The rows of the store count first, then the costs that come with the suite. These are of a CPU.

    Arguments:
        cells: Cells to run, restricted to the observations that are left.
        store: Store with rows of this machine.
    """
    costs: dict[str, Cost | None] = {}
    models: dict[str, CostModel] = {}
    params = _params(cells)
    known: dict[tuple[object, ...], Cost | None] = {}
    simulated: set[tuple[str, int, int]] = set()
    for cell in cells:
        if cell.device not in models:
            models[cell.device] = CostModel(_tables(store, cell.device))
        model = models[cell.device]
        alike = (cell.task, cell.method, cell.num_simulations, cell.observations)
        if alike not in known:  # the same for all seeds
            known[alike] = model.cost(cell, params[cell.method])
        cost, data = known[alike], (cell.task, cell.num_simulations, cell.seed)
        if cost is not None and data not in simulated:  # later cells use the same simulations
            cost = replace(cost, fit_and_sample_s=cost.fit_and_sample_s + model.simulating_s(cell))
            simulated.add(data)
        costs[cell.key] = cost
    return costs


def total_lines(cells: Sequence[Cell], store: Store, jobs: int) -> list[str]:
    """Return one line with the cost of cells that run elsewhere, ``jobs`` at a time.

    Arguments:
        cells: Cells to run, restricted to the observations that are left.
        store: Store with rows of this machine.
        jobs: Number of cells that run at a time.
    """
    return _total({cell.key: cell for cell in cells}, predicted(cells, store), jobs, here=False)


def predicted_seconds(cells: Sequence[Cell], store: Store) -> dict[str, float | None]:
    """Return the wall time of each cell by its key; see :func:`predicted`."""
    costs = predicted(cells, store)
    return {cell.key: cost.wall_s(cell) if (cost := costs[cell.key]) else None for cell in cells}


def makespan(seconds: Iterable[float], jobs: int) -> float:
    """Return the time at which the last job ends, if each of ``jobs`` workers takes the next when it is free.

    Example:
        >>> makespan([3.0, 1.0, 1.0, 2.0], jobs=2)
        4.0
    """
    free = [0.0] * jobs
    for one in seconds:
        heapq.heapreplace(free, free[0] + one)
    return max(free)


def _total(todo: dict[str, Cell], costs: dict[str, Cost | None], jobs: int, here: bool) -> list[str]:
    known = [(todo[key], cost) for key, cost in costs.items() if cost is not None]
    parts = []
    if known:
        core_s = sum(cost.core_s(cell) for cell, cost in known)
        wall_s = makespan((cost.wall_s(cell) for cell, cost in known), min(jobs, len(known)))
        if here:  # more jobs than cores share these
            wall_s = max(wall_s, core_s / cpu_count())
        some = "" if len(known) == len(todo) else f" for {len(known)} of them"
        parts.append(f"about {_hours(core_s)} core-hours{some}, {_words(wall_s)} at --jobs {jobs}")
    if len(todo) > len(known):
        parts.append(f"{len(todo) - len(known)} of unknown cost, because no row of their method is known")
    return ["; ".join(parts)] if parts else []


def _tables(store: Store, device: str) -> list[pd.DataFrame]:
    tables = []
    with contextlib.suppress(UsageError):  # no rows yet
        tables.append(own_costs(store, device))
    if device == "cpu":
        tables.append(shipped_costs())
    return tables


def _params(cells: Sequence[Cell]) -> dict[str, str]:
    """Return the parameters of each method that differ from their defaults, as costs name them."""
    one_of_each = {cell.method: cell for cell in cells}
    if not one_of_each:
        return {}
    identities = pd.DataFrame([cell.identity() for cell in one_of_each.values()])
    return dict(zip(one_of_each, parameters(identities), strict=True))


def _hours(core_s: float) -> str:
    return f"{core_s / 3600:.2g}" if core_s < 36_000 else f"{core_s / 3600:.0f}"


def _words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else str(timedelta(seconds=round(seconds)))


def _numbers(cell: Cell) -> str:
    return ", ".join(map(str, cell.observations))
