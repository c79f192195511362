"""Ranks as tables for print: one line for each method, and the tests of all pairs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench.results.critical_difference import LEVEL, critical_difference
from bench.results.ends_of_scale import FLOOR, PRIOR
from bench.results.failed_rows import left_out
from bench.results.style_file import Style
from bench.results.tables.metric_values import MetricValues
from bench.results.tables.printed import Entry, Printed
from bench.results.tables.rank_statistics import Ranks

__all__ = ["rank_frame", "rank_table", "rank_tables"]

HEAD = ["method", "mean rank", "95 % interval", "wins", "ties", "losses"]
SMALLEST = 0.001  # p values below are not told apart


def rank_tables(values: MetricValues, ranks: Sequence[Ranks], style: Style | None = None) -> list[Printed]:
    """Return for each budget the table of ranks, followed by the table of tests if there are tests."""
    style = Style() if style is None else style
    tables = []
    for one in ranks:
        tables.append(rank_table(values, one, style))
        if one.p_values is not None:
            tables.append(_tests(one, one.p_values, style))
    return tables


def rank_frame(values: MetricValues, ranks: Sequence[Ranks]) -> pd.DataFrame:
    """Return the ranks of all budgets as a data frame for CSV, with a column of p values for each method."""
    frames = []
    for one in ranks:
        frame = one.table.reset_index(names="method")
        frame.insert(0, "num_simulations", one.budget)
        frame.insert(1, "metric", values.metric)
        frame.insert(2, "tasks", len(one.tasks))
        if one.p_values is not None:
            tests = one.p_values.loc[one.table.index, one.table.index].add_prefix("p_holm ")
            frame = frame.join(tests, on="method")
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def rank_table(values: MetricValues, ranks: Ranks, style: Style) -> Printed:
    """Return the table of ranks at one budget, one line for each method in the order of ``ranks.table``."""
    is_normalized = ranks.table["num_normalized"].gt(0).any()
    lines = []
    for method, record in ranks.table.iterrows():
        interval = "–" if np.isnan(record["low"]) else f"{record['low']:.2f} to {record['high']:.2f}"
        counts = [f"{record[name]:.0f}" for name in ("wins", "ties", "losses")]
        texts = [style.method_name(str(method)), f"{record['mean_rank']:.2f}", interval, *counts]
        texts += [f"{record['normalized']:.3f}"] if is_normalized else []
        lines.append([Entry(text) for text in texts])
    return Printed(
        head=[*HEAD, *([f"normalized {values.metric}"] if is_normalized else [])],
        groups=[(_title(ranks), lines)],
        notes=_notes(values, ranks, style, is_normalized=bool(is_normalized)),
    )


def _title(ranks: Ranks) -> str:
    number = len(ranks.tasks)
    return f"{ranks.budget} simulations, {number} task{'s' if number > 1 else ''}"


def _notes(values: MetricValues, ranks: Ranks, style: Style, *, is_normalized: bool) -> list[str]:
    number, tasks = len(ranks.table), len(ranks.tasks)
    names = ", ".join(style.task_name(task) for task in style.task_order(ranks.tasks))
    notes = [
        f"Mean rank by {values.metric} over {names}; 1 is best; interval: bootstrap over tasks. "
        f"{FLOOR} and {PRIOR}, the ends of the scale, have no rank."
    ]
    for task in style.task_order(ranks.left_out):
        lacking = ", ".join(style.method_name(method) for method in ranks.left_out[task])
        notes.append(f"{style.task_name(task)} is left out: no value of {lacking}.")
    failed = sorted((key, number) for key, number in values.failed.items() if key[2] == ranks.budget)
    places = [
        (style.method_name(method), style.task_name(task), budget, number)
        for (task, method, budget), number in failed
        if task in ranks.tasks and method in ranks.table.index
    ]
    if places:
        notes.append(left_out(places))
    notes.append(
        "Wins, ties and losses are over pairs of a task and another method; a tie is a difference whose 95 % "
        "interval, paired by observation and seed, holds 0."
    )
    if is_normalized:
        on = int(ranks.table["num_normalized"].max())
        notes.append(
            f"Normalized {values.metric}: mean over {on} tasks; 0 is the noise floor ({FLOOR}), 1 the "
            f"{PRIOR}."
        )
    if ranks.friedman is not None:
        statistic, p = ranks.friedman
        notes.append(f"Friedman's test that all methods are alike: χ² = {statistic:.2f}, {_p('p', p)}.")
    if tasks > 1:
        distance = critical_difference(number, tasks)
        notes.append(f"Nemenyi's critical difference of mean ranks at {LEVEL}: {distance:.2f}.")
    else:
        notes.append("With one task there is no test.")
    return notes


def _tests(ranks: Ranks, found: pd.DataFrame, style: Style) -> Printed:
    methods = list(map(str, ranks.table.index))
    pairs = itertools.product(methods, methods)
    p_values = dict(zip(pairs, found.loc[methods, methods].to_numpy(float).ravel().tolist(), strict=True))
    lines = []
    for one in methods:
        cells = [Entry("") if one == other else _p_entry(p_values[one, other]) for other in methods]
        lines.append([Entry(style.method_name(one)), *cells])
    return Printed(
        head=["p value", *(style.method_name(method) for method in methods)],
        groups=[(_title(ranks), lines)],
        notes=[
            "Wilcoxon's signed-rank test over tasks, two-sided, adjusted by Holm for all pairs.",
            *_too_few(len(ranks.tasks), len(methods)),
        ],
        best=f"p < {LEVEL}",
    )


def _too_few(num_tasks: int, num_methods: int) -> list[str]:
    """Return a note if no p value can be small, because the least one of a test times all pairs is not."""
    pairs = num_methods * (num_methods - 1) // 2
    least = 2.0 ** (1 - num_tasks) * pairs
    if least <= LEVEL:
        return []
    return [
        f"No pair can reach {LEVEL}: the smallest p value over {num_tasks} tasks and {pairs} pairs is "
        f"{min(least, 1.0):.3f}. More tasks or fewer methods (-m) can."
    ]


def _p_entry(p: float) -> Entry:
    text = "–" if np.isnan(p) else f"<{SMALLEST}" if p < SMALLEST else f"{p:.3f}"
    return Entry(text, best=p < LEVEL)


def _p(name: str, p: float) -> str:
    return f"{name} < {SMALLEST}" if p < SMALLEST else f"{name} = {p:.3f}"
