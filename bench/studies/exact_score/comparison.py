"""Published figures beside our own."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from bench.results.published import read_published
from bench.studies.exact_score.measurement import Measurement

__all__ = ["beside_published"]

FILE = "exact_score_paper.csv"
KEYS = ["experiment", "config", "sampler", "quantity"]


def beside_published(figures: Iterable[Measurement]) -> pd.DataFrame:
    """Mean, smallest and largest figure over sets of simulations, and the published one.

    Arguments:
        figures: Of one experiment, any number of sets.

    Returns:
        A row for each setting, sampler, quantity and kernel density estimate, in order of appearance, with
        ``mean, min, max, sets``, and ``published`` and ``source`` (empty where nothing is). Published figures
        of the same experiments that were not measured come last, with ``sets`` 0.
    """
    frame = pd.DataFrame(figures, columns=pd.Index(Measurement._fields))
    grouped = frame.groupby([*KEYS, "kde"], sort=False)["value"].agg(["mean", "min", "max", "size"])
    ours = grouped.rename(columns={"size": "sets"}).reset_index()
    known = read_published(FILE)
    known = known[known["experiment"].isin(ours["experiment"].unique())]
    table = ours.merge(known, on=KEYS, how="left")
    measured = set(ours[KEYS].itertuples(index=False, name=None))
    missing = [tuple(row) not in measured for row in known[KEYS].itertuples(index=False, name=None)]
    # Concatenating with an empty frame would warn, and change columns' types.
    if any(missing):
        table = pd.concat([table, known[missing].assign(sets=0, kde="")], ignore_index=True)
    return table.assign(source=table["source"].fillna(""))
