"""Figures of publications that are kept with the suite."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd

from bench.errors import UsageError

__all__ = ["AMORTIZED", "AMORTIZED_SOURCES", "Classifier", "best_amortized", "read_published"]

# In a checkout, and in an installed wheel.
PLACES = (Path(__file__).parents[2] / "results" / "published", Path(__file__).parent / "published_data")

Classifier = Literal[
    "mlp", "rf"
]  # of a C2ST: sbibm's network, which is our `c2st`, or sbi's forest, our `c2st_rf`

# Methods that sample any observation without more simulations or a Markov chain of their own for it.
AMORTIZED = (
    "NPE",
    "npe_ensemble",
    "tabpfn",
    "filtered_tabpfn",  # chooses the simulations nearest to an observation, of those that it has
    "NPSE-VE",
    "NPSE-VP",
    "Simformer-VE",
    "Simformer-VP",
)
AMORTIZED_SOURCES = ("GenSBI 2026", "BayesFlow diffusion review 2025")  # every method of theirs is


def read_published(name: str) -> pd.DataFrame:
    """A table of published figures, by the name of its CSV file, each row with its source.

    Raises:
        UsageError: where the file is missing.
    """
    for place in PLACES:
        if (place / name).is_file():
            return pd.read_csv(place / name)
    raise UsageError(f"published figures are missing: {name} is neither in {PLACES[0]} nor in {PLACES[1]}")


def best_amortized(classifier: Classifier) -> pd.DataFrame:
    """The best published C2ST of an amortized method for each task and budget.

    Two classifiers give two measures, so that only figures of the one named are looked at; a row without
    a classifier is never among them.

    Arguments:
        classifier: The classifier of the C2ST: ``mlp`` or ``rf`` (random forest).

    Returns:
        Columns ``c2st_mean`` and ``method``, indexed by ``task`` and ``num_simulations``.
    """
    known = read_published("c2st.csv")
    amortized = known["method"].isin(AMORTIZED) | known["source"].str.startswith(AMORTIZED_SOURCES)
    chosen = known[amortized & (known["classifier"] == classifier)].sort_values("c2st_mean", kind="stable")
    return chosen.groupby(["task", "num_simulations"])[["c2st_mean", "method"]].first()
