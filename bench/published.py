"""Figures of publications that are kept with the suite."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bench.errors import UsageError

__all__ = ["read_published"]

# In a checkout, and in an installed wheel.
PLACES = (Path(__file__).parents[1] / "results" / "published", Path(__file__).parent / "published_data")


def read_published(name: str) -> pd.DataFrame:
    """A table of published figures, by the name of its CSV file, each row with its source.

    Raises:
        UsageError: where the file is missing.
    """
    for place in PLACES:
        if (place / name).is_file():
            return pd.read_csv(place / name)
    raise UsageError(f"published figures are missing: {name} is neither in {PLACES[0]} nor in {PLACES[1]}")
