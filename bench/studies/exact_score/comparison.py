"""Tables of our results next to the published ones."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from bench.results.published import read_published
from bench.studies.exact_score.measurement import Measurement

__all__ = ["beside_published"]

FILE = "exact_score_paper.csv"
KEYS = ["experiment", "config", "sampler", "quantity"]


def beside_published(figures: Iterable[Measurement]) -> pd.DataFrame:
    """Return the mean, smallest and largest result over sets of simulations, next to the published result.

    Arguments:
        figures: Measurements of one experiment, for any number of sets.

    Returns:
        A row for each setting, sampler, quantity and kernel density estimate, in order of appearance, with
        ``mean, min, max, sets``, ``published`` and ``source`` (empty if nothing is published). Published
        results of the same experiment that were not measured come last, with ``sets`` 0.
    """
    frame = pd.DataFrame(figures, columns=pd.Index(Measurement._fields))
    grouped = frame.groupby([*KEYS, "kde"], sort=False)["value"].agg(["mean", "min", "max", "size"])
    ours = grouped.rename(columns={"size": "sets"}).reset_index()
    known = read_published(FILE)
    known = known[known["experiment"].isin(ours["experiment"].unique())]
    table = ours.merge(known, on=KEYS, how="left")
    measured = set(ours[KEYS].itertuples(index=False, name=None))
    missing = [tuple(row) not in measured for row in known[KEYS].itertuples(index=False, name=None)]
    # Concatenation with an empty frame would warn and change the types of columns.
    if any(missing):
        table = pd.concat([table, known[missing].assign(sets=0, kde="")], ignore_index=True)
    return table.assign(source=table["source"].fillna(""))
