"""The three questions that a report begins with: is it right, is it calibrated, what does it cost?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.metrics import BUILT_IN
from bench.report.grid_table import Cell, GridTable, number, simulations
from bench.results.ends_of_scale import FLOOR
from bench.results.figures.accuracy_by_time import seconds_per_batch
from bench.results.figures.figure import POINT
from bench.results.selection import of_one_size, times_of_one_kind

__all__ = ["Answer", "accuracy", "calibration", "costs", "main_metric"]

CALIBRATION = {
    "sbc_ks": "SBC distance",
    "coverage_error": "coverage error",
    "tarp_ece": "TARP error",
}
COSTS = {
    "train_s": "training, s",
    "seconds": "10 000 samples, s",
    "simulate_s": "simulating, s",
    "nfe": "evaluations per sample",
    "num_parameters": "parameters",
    "peak_memory_mb": "memory, MB",
}


@dataclass(frozen=True)
class Answer:
    """The answer to a question.

    Attributes:
        sentence: The answer in one or two sentences.
        table: The figures behind it; None if there are none.
    """

    sentence: str
    table: GridTable | None = None


def main_metric(good: pd.DataFrame) -> str | None:
    """Return the metric that methods are compared by: ``c2st``, or the first that rows have values of."""
    needing = [name for name, cls in BUILT_IN.items() if "calibration" not in cls.needs]
    return next((name for name in needing if good[name].notna().any()), None)


def accuracy(good: pd.DataFrame, say: Callable[[str], Any] | None = None) -> Answer:
    """Is it right? Means of the main metric for each method, budget and task.

    Arguments:
        good: Rows with status ok, with labels as :func:`bench.results.selection.select` gives them.
        say: Receives a line about rows that are left out.
    """
    metric = main_metric(good)
    if metric is None:
        return Answer("No row has a value of a metric of accuracy.")
    rows = _alike(good.dropna(subset=metric), say)
    groups = rows.groupby(["num_simulations", "method", "task"])[metric]
    keys = ["budget", "method", "task", "mean", "std"]
    found = groups.agg(["mean", "std"]).reset_index().set_axis(keys, axis=1)
    tasks = sorted(rows["task"].unique())
    card = BUILT_IN[metric]
    best = _best_means(found, lower=card.better == "lower")
    table: dict[str, list[list[Cell]]] = {}
    for budget, group in found.groupby("budget"):
        lines = table.setdefault(simulations(budget), [])
        for method in sorted(group["method"].unique(), key=lambda name: (name == FLOOR, name)):
            of_task = {row["task"]: row for row in group[group["method"] == method].to_dict("records")}
            cells = [Cell(str(method))]
            for task in tasks:
                mean, std = (of_task.get(task, {}).get(name) for name in ("mean", "std"))
                spread = "" if std is None or pd.isna(std) else f"± {number(std, card.digits)}"
                is_best = mean is not None and (budget, task, method) in best
                cells.append(Cell(number(mean, card.digits), spread, is_best))
            lines.append(cells)
    caption = f"Mean {metric} ± standard deviation over observations and seeds; {card.better} is better"
    notes = ["The best mean of each task and budget is bold."]
    if FLOOR in set(rows["method"]):
        notes.append("reference is the noise floor: half of the reference draws scored against the rest.")
    return Answer(_best_sentence(best, metric), GridTable(caption, ["method", *tasks], table, notes=notes))


def calibration(good: pd.DataFrame) -> Answer:
    """Is it calibrated? Means over tasks and seeds of each calibration metric, for each method and budget."""
    rows = good.drop_duplicates("cell").dropna(subset=list(CALIBRATION), how="all")
    if rows.empty:
        return Answer("No row is calibrated; scorebench run --calibration 200 adds calibration.")
    groups = rows.groupby(["num_simulations", "method"])
    means = groups[list(CALIBRATION)].mean().assign(tasks=groups["task"].nunique()).reset_index()
    digits = {name: BUILT_IN[name].digits for name in CALIBRATION} | {"tasks": 0}
    table = _by_budget(means, digits, bold=list(CALIBRATION))
    caption = "Distances from perfect calibration, means over tasks and seeds; lower is better"
    pairs = rows["num_calibration_finite"].fillna(rows["num_calibration"]).min()
    notes = [f"Each distance is over at least {pairs:.0f} fresh pairs (theta, x)."]
    parts = []
    for name, word in CALIBRATION.items():
        if means[name].notna().any():
            first = means.sort_values(name).iloc[0]
            parts.append(f"{first['method']} has the smallest {word} ({number(first[name], digits[name])})")
    columns = ["method", *CALIBRATION.values(), "tasks"]
    return Answer(f"{'; '.join(parts)}.", GridTable(caption, columns, table, notes=notes))


def costs(good: pd.DataFrame) -> Answer:
    """What does it cost? Medians of times, evaluations, parameters and memory, for each method and budget."""
    rows = good[good["method"] != FLOOR]
    rows, (device, timing) = times_of_one_kind(rows.assign(seconds=seconds_per_batch(rows)), POINT)
    names = [name for name in COSTS if rows[name].notna().any()]
    if rows.empty or not names:
        return Answer("No row has a time.")
    medians = rows.groupby(["num_simulations", "method"])[names].median().reset_index()
    table = _by_budget(medians, dict.fromkeys(names), bold=["train_s", "seconds"])
    caption = f"Medians over tasks, observations and seeds; times: {device}, {timing}"
    budget = medians["num_simulations"].max()
    here = medians[medians["num_simulations"] == budget]
    parts = []
    for name, verb in (("train_s", "trains"), ("seconds", "samples")):
        if name in here and here[name].notna().any():
            first = here.sort_values(name).iloc[0]
            parts.append(f"{first['method']} {verb} in the shortest time ({number(first[name])} s)")
    sentence = f"At {simulations(budget)}, {' and '.join(parts)}." if parts else "No row has a time."
    return Answer(sentence, GridTable(caption, ["method", *(COSTS[name] for name in names)], table))


def _alike(rows: pd.DataFrame, say: Callable[[str], Any] | None) -> pd.DataFrame:
    """Return rows of one number of samples; those of the noise floor have their own, as in figures."""
    floor = rows["method"] == FLOOR
    if floor.all():
        return rows
    proper = of_one_size(rows[~floor], POINT, say)
    return rows[rows.index.isin(proper.index) | floor]


def _by_budget(
    values: pd.DataFrame, digits: Mapping[str, int | None], bold: Sequence[str]
) -> dict[str, list[list[Cell]]]:
    """Return lines by budget: a method and its values, the smallest bold, sorted by the first of them."""
    table: dict[str, list[list[Cell]]] = {}
    for budget, group in values.groupby("num_simulations"):
        least = {name: group[name].min() for name in bold if name in group}
        lines = table.setdefault(simulations(budget), [])
        for row in group.sort_values(list(digits)).to_dict("records"):
            cells = [
                Cell(number(row[name], places), best=row[name] == least.get(name))
                for name, places in digits.items()
            ]
            lines.append([Cell(str(row["method"])), *cells])
    return table


def _best_means(found: pd.DataFrame, lower: bool) -> dict[tuple[int, str, str], None]:
    """Return budget, task and method of each mean that is the best of its budget and task."""
    proper = found[found["method"] != FLOOR]
    means = proper.groupby(["budget", "task"])["mean"]
    goal = means.transform("min" if lower else "max")
    at_best = proper.loc[proper["mean"] == goal, ["budget", "task", "method"]]
    return dict.fromkeys(at_best.itertuples(index=False, name=None))


def _best_sentence(best: Iterable[tuple[int, str, str]], metric: str) -> str:
    """Say which method is best on how many tasks, at the largest budget."""
    known = list(best)
    if not known:
        return "Only the noise floor has been run."
    budget = max(budget for budget, _, _ in known)
    here = [(task, method) for size, task, method in known if size == budget]
    number_of_tasks = len({task for task, _ in here})
    wins = Counter(method for _, method in here).most_common()
    tasks = "1 task" if number_of_tasks == 1 else f"{number_of_tasks} tasks"
    parts = [f"{name} has the best mean {metric} on {count} of {tasks}" for name, count in wins[:1]]
    parts += [f"{name} on {count}" for name, count in wins[1:4]]
    others = f", and {len(wins) - 4} more methods on the rest" if len(wins) > 4 else ""
    return f"At {simulations(budget)}, {', '.join(parts)}{others}."
