"""What cells have cost, taken apart: fitting, one sampling call, and scoring one observation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bench.clock.timing import MAX_REPEATS, REPEAT_BUDGET_S

__all__ = ["COSTS", "COST_COLUMNS", "KEYS", "costs_of", "sampling_s"]

KEYS = ["task", "method", "params", "num_simulations", "num_posterior_samples"]
PARTS = ["simulate_s", "train_s", "sample_s", "scoring_s"]
COSTS = [*KEYS, *PARTS]  # columns of a table of costs
# Columns of rows that costs are made of.
COST_COLUMNS = ["cell", "started_at", "status", "device", "task", "method", "params", "changed_params"]
COST_COLUMNS += ["num_simulations", "num_posterior_samples", "num_observation", "num_calibration"]
COST_COLUMNS += ["simulate_s", "train_s", "sample_s", "cell_s", "cell_cpu_s", "foreign_load", "threads"]


def sampling_s(sample_s: Any) -> Any:
    """Return the seconds of all sampling calls of an observation, whose median takes ``sample_s``.

    See :func:`bench.clock.timing.timed_repeatedly`: a quick call is repeated.

    Arguments:
        sample_s: Seconds of one call, a number or an array.
    """
    repeated = sample_s + np.minimum(MAX_REPEATS * sample_s, REPEAT_BUDGET_S + sample_s)
    return np.where(sample_s > REPEAT_BUDGET_S, sample_s, repeated)


def costs_of(rows: pd.DataFrame, device: str = "cpu", cores: int | None = None) -> pd.DataFrame:
    """Return the costs of cells with the columns ``COSTS``, one line for each group of equal ``KEYS``.

    All are processor seconds. The times of parts are wall time in rows; they are shortened by the ratio of
    the cell's processor time to its wall time. Rows without processor time count with their wall time.

    Arguments:
        rows: Rows with the columns ``COST_COLUMNS``, whose ``params`` are the parameters that differ from
            their defaults, as :func:`bench.results.naming.parameters` gives them.
        device: Device whose rows count.
        cores: Number of cores of the machine that made the rows. If given, wall time without processor time
            is shortened by the share of a core that other programs have left, as the column
            ``foreign_load`` tells. None to use the wall time unchanged.
    """
    good = (rows["status"] == "ok") & rows["cell_s"].notna() & (rows["device"].fillna("cpu") == device)
    good &= ~(rows["num_calibration"] > 0)  # its time is not told apart
    if not good.any():
        return pd.DataFrame(columns=COSTS)
    # Observations that were added to a cell later were a run of their own.
    own = rows[good].assign(started_at=rows["started_at"].fillna(""))
    runs = own.groupby(["cell", "started_at"], sort=False)
    wall = runs["cell_s"].transform("max")
    processor = (
        runs["cell_cpu_s"]
        .transform("max")
        .fillna(wall / _slowed(runs["foreign_load"].transform("max"), own["threads"], cores))
    )
    ratio = (processor / wall.where(wall > 0)).clip(upper=1.0).fillna(1.0)
    simulate, sample = (own["simulate_s"] * ratio).fillna(0.0), (own["sample_s"] * ratio).fillna(0.0)
    train = (own["train_s"] * ratio).fillna(processor)  # nothing is known of the parts
    number = runs["num_observation"].transform("size")
    own = own.assign(sampling_s=sampling_s(sample))
    sampling = own.groupby(["cell", "started_at"], sort=False)["sampling_s"].transform("sum")
    scoring = ((processor - simulate - train - sampling) / number).clip(lower=0.0)
    table = own.assign(simulate_s=simulate, train_s=train, sample_s=sample, scoring_s=scoring)
    return table.groupby(KEYS, as_index=False, dropna=False)[PARTS].median()


def _slowed(load: pd.Series, threads: pd.Series, cores: int | None) -> pd.Series:
    """Return the factor by which other programs have lengthened the wall time."""
    if cores is None:
        return pd.Series(1.0, index=load.index)
    return ((load.fillna(0.0) + threads.fillna(1)) / cores).clip(lower=1.0)
