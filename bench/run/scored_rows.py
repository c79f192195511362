"""Rows with the columns of metrics, from posterior samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from bench.metrics import Draws
from bench.results.schema import Row
from bench.run.cell import Cell
from bench.run.scoring import Predictive, Scores, score_draws

__all__ = ["scored_rows"]


def scored_rows(
    cell: Cell,
    rows: Mapping[int, Row],
    draws: Mapping[int, Draws],
    scores: Mapping[int, Scores],
    references: Mapping[int, Tensor | Exception | None],
    predictive: Predictive,
    after: Callable[[], None] = lambda: None,
) -> list[Row]:
    """Score posterior samples with the cell's metrics, and return the rows with the columns of the scores.

    Arguments:
        cell: Cell that the rows are of; its seeds are those of the metrics.
        rows: Row of each observation. One without draws is returned unchanged.
        draws: Samples of each observation, and the reference to compare them with.
        scores: Scores of each observation in ``draws``, filled in place.
        references: What :func:`bench.run.fit_and_sample.reference_of` gave for each observation in ``draws``;
            an exception is noted among the metrics that failed.
        predictive: Simulations that metrics may make.
        after: Function that is called after each metric.
    """
    counted = {
        k: replace(one, task=predictive.counting(), num_predictive=predictive.number)
        for k, one in draws.items()
    }
    for k in counted:
        if isinstance(reference := references[k], Exception):
            scores[k].fail("reference", reference)
    for parallel in (False, True):
        if parallel:
            torch.set_num_threads(cell.scoring_threads)
        score_draws(counted, scores, cell.seed_of_metric, parallel=parallel, chosen=cell.metrics, after=after)
    for k, one in counted.items():
        scores[k].set(num_predictive=predictive.made(one.task))
    return [row | scores[k].row if k in scores else row for k, row in rows.items()]
