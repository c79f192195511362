"""Kept posterior samples of several methods for one observation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.errors import UsageError
from bench.results.ends_of_scale import FLOOR, PRIOR
from bench.results.figures.figure import ResultFigure
from bench.results.figures.options import Samples

if TYPE_CHECKING:
    import pandas as pd

    from bench.results.figures.looks import Look
    from tasks import Task

__all__ = ["Kept", "kept_samples"]

FINITE = 1e30  # larger numbers cannot be drawn


@dataclass(frozen=True)
class Kept:
    """Samples to draw.

    Attributes:
        task: The task, whose answers are checked.
        title: Its name in the figure.
        num_observation: Number of the observation.
        num_simulations: Simulation budget.
        samples: Samples of each method, ``(N, dim_theta)``, by its label.
        looks: Look of each method.
    """

    task: Task
    title: str
    num_observation: int
    num_simulations: int
    samples: dict[str, np.ndarray]
    looks: dict[str, Look]


def kept_samples(figure: ResultFigure, rows: pd.DataFrame, most: int) -> Kept:
    """Return the kept samples of all methods for one observation of one task, and note what is left out.

    Of several tasks, the first one in the order of the figure is taken that has kept samples; of several
    budgets, the largest; of several seeds and observations, the first. Of too many methods, the first in
    the order of the figure are taken, and ``prior`` last.

    Arguments:
        figure: Figure with the options, which gets the notes.
        rows: Rows of methods.
        most: Largest number of methods.

    Raises:
        UsageError: if no samples are kept, or the task is not registered.
    """
    from bench.results.figures.by_task import task_titles
    from bench.results.figures.looks import looks

    options = figure.options
    if options.samples is None:
        raise UsageError("plot: samples are drawn from a directory of results, and none was given")
    proper = rows[rows["method"] != FLOOR]
    titles = task_titles(list(proper["task"]), options)
    for task, title in titles.items():
        here = proper[proper["task"] == task]
        for _, group in here.sort_values(
            ["num_simulations", "num_observation", "seed"], ascending=[False, True, True]
        ).groupby(["num_simulations", "num_observation"], sort=False):
            found, used = _samples(options.samples, group)
            if found:
                known = looks(found, options.style)
                chosen = sorted(known, key=lambda method: method == PRIOR)[:most]
                shown = {method: look for method, look in known.items() if method in chosen}
                if len(known) > most:
                    left_out = ", ".join(method for method in known if method not in shown)
                    figure.note(f"Left out for want of room: {left_out}.")
                row = group.iloc[0]
                k, budget = int(row["num_observation"]), int(row["num_simulations"])
                figure.caption_only(used[used["method"].isin(shown)], _of(task, k, budget))
                figure.note(f"Shown is observation {k} of {title} at {budget} simulations.")
                if len(titles) > 1:
                    figure.note(f"It is one of {len(titles)} tasks.")
                samples = {method: found[method] for method in shown}
                return Kept(_task(str(row["task_name"])), title, k, budget, samples, shown)
    raise UsageError("plot: no samples are kept; scorebench run --keep samples keeps them")


def _of(task: str, num_observation: int, num_simulations: int) -> Callable[[pd.DataFrame], pd.Series]:
    """Return a function that says which rows are of an observation of a task at a budget."""
    return lambda rows: (
        (rows["task"] == task)
        & (rows["num_observation"] == num_observation)
        & (rows["num_simulations"] == num_simulations)
    )


def _samples(samples: Samples, rows: pd.DataFrame) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """Samples by method, of the first row of each method that has kept ones, and these rows."""
    found: dict[str, np.ndarray] = {}
    used = []
    for index, method, cell, k in rows[["method", "cell", "num_observation"]].itertuples():
        if method in found:
            continue
        try:
            kept = np.asarray(samples(cell=cell, num_observation=int(k)), dtype=float)
        except UsageError:  # of this row none are kept
            continue
        good = kept[(np.abs(kept) < FINITE).all(axis=1)]
        if len(good) > 1:
            found[str(method)] = good
            used.append(index)
    return found, rows.loc[used]


def _task(name: str) -> Task:
    import tasks
    from bench.answers.checked_task import checked

    try:
        return checked(tasks.get(name))
    except tasks.UnknownTaskError:
        raise UsageError(f"plot: task {name!r} is not registered; load its file with --plugin") from None
