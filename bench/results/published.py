"""Published results that are kept with the suite."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd

from bench.errors import UsageError

__all__ = ["AMORTIZED", "AMORTIZED_SOURCES", "Classifier", "best_amortized", "read_published"]

# Their folder in a checkout, and in an installed wheel.
PLACES = (Path(__file__).parents[2] / "results" / "published", Path(__file__).parent / "published_data")

Classifier = Literal[
    "mlp", "rf"
]  # classifier of a C2ST: sbibm's network (our `c2st`), or sbi's random forest (our `c2st_rf`)

# Methods that sample any observation without further simulations or a Markov chain for it.
AMORTIZED = (
    "NPE",
    "npe_ensemble",
    "tabpfn",
    "filtered_tabpfn",  # uses those of its simulations that are nearest to an observation
    "NPSE-VE",
    "NPSE-VP",
    "Simformer-VE",
    "Simformer-VP",
)
AMORTIZED_SOURCES = ("GenSBI 2026", "BayesFlow diffusion review 2025")  # all their methods are amortized


def read_published(name: str) -> pd.DataFrame:
    """Return a table of published results, each row with its source.

    Arguments:
        name: Name of the CSV file.

    Raises:
        UsageError: if the file is missing.
    """
    for place in PLACES:
        if (place / name).is_file():
            return pd.read_csv(place / name)
    raise UsageError(f"published results are missing: {name} is neither in {PLACES[0]} nor in {PLACES[1]}")


def best_amortized(classifier: Classifier) -> pd.DataFrame:
    """Return the best published C2ST of an amortized method for each task and budget.

    C2STs by different classifiers cannot be compared, so only results by the given classifier are considered;
    rows that name no classifier never are.

    Arguments:
        classifier: Classifier of the C2ST: ``mlp`` (a network) or ``rf`` (a random forest).

    Returns:
        Columns ``c2st_mean`` and ``method``, indexed by ``task`` and ``num_simulations``.
    """
    known = read_published("c2st.csv")
    amortized = known["method"].isin(AMORTIZED) | known["source"].str.startswith(AMORTIZED_SOURCES)
    chosen = known[amortized & (known["classifier"] == classifier)].sort_values("c2st_mean", kind="stable")
    return chosen.groupby(["task", "num_simulations"])[["c2st_mean", "method"]].first()
