"""``scorebench reproduce exact_score``: experiments of arXiv 2506.18227, next to the published results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from bench.errors import UsageError
from bench.studies.exact_score.bimodal import bimodal_1d
from bench.studies.exact_score.comparison import beside_published
from bench.studies.exact_score.elliptic_pde import elliptic_pde
from bench.studies.exact_score.measurement import Measurement
from bench.studies.exact_score.student_t import student_t_mixture

__all__ = ["DEFAULT_SETS", "EXPERIMENTS", "exact_score"]

EXPERIMENTS: dict[str, Callable[..., Iterator[Measurement]]] = {
    "bimodal_1d": bimodal_1d,
    "student_t_mixture_15_5": partial(student_t_mixture, "15_5"),
    "student_t_mixture_10_10": partial(student_t_mixture, "10_10"),
    "elliptic_pde": elliptic_pde,
}
# On one CPU thread, a set of the first experiment takes half a minute. A set of the second, with the paper's
# 250 000 simulations, takes most of an hour.
DEFAULT_SETS = dict.fromkeys(EXPERIMENTS, 1) | {"bimodal_1d": 20}


def exact_score(
    experiments: Iterable[str] = tuple(EXPERIMENTS),
    num_sets: int | None = None,
    out: Path | None = None,
    device: str = "cpu",
    report: Callable[[Measurement], None] = lambda figure: None,
) -> dict[str, pd.DataFrame]:
    """Run experiments at the paper's settings.

    Arguments:
        experiments: Names of experiments, keys of ``EXPERIMENTS``.
        num_sets: Number of independent sets of simulations; by default that in ``DEFAULT_SETS``.
        out: Directory for ``EXPERIMENT.csv`` (the table) and ``EXPERIMENT_sets.csv`` (all measurements, each
            written when it is made, so that an interrupted run keeps them); None to write no files.
        device: Device, ``cpu`` or ``cuda``.
        report: Function that is called with each measurement when it is made.

    Returns:
        The table of each experiment, as :func:`bench.studies.exact_score.comparison.beside_published`
        returns it.

    Raises:
        UsageError: for an unknown experiment or fewer than one set.
    """
    chosen = list(dict.fromkeys(experiments))
    for name in chosen:
        if name not in EXPERIMENTS:
            raise UsageError(f"unknown experiment {name!r}; known: {', '.join(EXPERIMENTS)}")
    if num_sets is not None and num_sets < 1:
        raise UsageError(f"num-sets = {num_sets}: must be at least 1")
    tables = {}
    for name in chosen:
        figures = EXPERIMENTS[name](num_sets=num_sets or DEFAULT_SETS[name], device=device)
        kept = list(_noted(figures, out / f"{name}_sets.csv" if out else None, report))
        tables[name] = beside_published(kept)
        if out:
            # Written to another file and renamed, so that no reader sees an incomplete table.
            part = out / f"{name}.csv.part"
            tables[name].to_csv(part, index=False)
            os.replace(part, out / f"{name}.csv")
    return tables


def _noted(
    figures: Iterator[Measurement], file: Path | None, report: Callable[[Measurement], None]
) -> Iterator[Measurement]:
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(",".join(Measurement._fields) + "\n", encoding="utf-8")
    for figure in figures:
        report(figure)
        if file:
            pd.DataFrame([figure]).to_csv(file, mode="a", header=False, index=False)
        yield figure
