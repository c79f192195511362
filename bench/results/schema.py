"""The columns of a row, one by one: what ``scorebench run`` writes and tables, figures and studies read.

Columns of metrics come from the metrics' own cards (:mod:`bench.metrics`). A plug-in's metrics add columns to
the rows that are written while it is loaded.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from bench.errors import UsageError
from bench.metrics import BUILT_IN, columns, metrics

__all__ = ["COLUMNS", "SCHEMA", "Row", "is_plugin_field", "plugin_fields"]

Row = dict[str, Any]

_TEXT, _INT, _FLOAT, _CURVE = pa.string(), pa.int64(), pa.float64(), pa.list_(pa.float64())
_KINDS = {"number": _FLOAT, "curve": _CURVE}
SCHEMA = pa.schema(
    [
        ("task", _TEXT),
        ("task_version", _TEXT),
        ("method", _TEXT),
        ("params", _TEXT),  # JSON, every parameter
        ("changed_params", _TEXT),  # JSON, those that differ from the method's defaults
        ("method_version", _TEXT),
        ("task_sha256", _TEXT),  # source of the modules that define the task; null in rows of an older suite
        ("method_sha256", _TEXT),  # the same for the method
        ("num_simulations", _INT),
        ("seed", _INT),
        ("num_observation", _INT),
        ("status", _TEXT),  # ok, error or timeout
        ("error", _TEXT),  # traceback of fitting or sampling
        ("metric_errors", _TEXT),  # JSON: name of each metric that failed, and why; null where none did
        ("invalid", _TEXT),  # why the row was invalidated; null where it was not
        ("num_posterior_samples", _INT),  # for each observation
        ("batch_size", _INT),  # observations sampled at once
        ("samples_sha256", _TEXT),  # of the posterior samples, float32, row by row
        *((name, _KINDS[kind]) for name, kind in columns(BUILT_IN).items()),
        ("simulate_s", _FLOAT),
        ("train_s", _FLOAT),
        ("sample_s", _FLOAT),  # median, rejection outside the prior included
        ("sample_s_iqr", _FLOAT),
        ("sample_s_raw", _FLOAT),  # the same without rejection, where scorebench time has measured it
        ("energy_j", _FLOAT),  # of a sampling call, where the machine counts it
        ("nfe", _FLOAT),
        ("num_parameters", _INT),
        ("diagnostics", _TEXT),  # JSON: what the fit says of itself, such as held-out log densities
        ("peak_memory_mb", _FLOAT),
        ("cell_s", _FLOAT),  # of the whole cell, scoring included
        ("cell_cpu_s", _FLOAT),  # processor time of the whole cell, on all cores; null in older rows
        ("num_failed_simulations", _INT),  # dropped before fitting
        ("num_extreme_simulations", _INT),  # finite, but so large that methods clip them; null in older rows
        ("num_predictive", _INT),  # simulations made at posterior samples to score this row
        ("num_calibration", _INT),  # fresh pairs (theta, x) asked for; the same columns in all rows of a cell
        ("num_calibration_finite", _INT),  # those whose simulation did not fail, which calibration is over
        ("device", _TEXT),
        ("device_name", _TEXT),
        ("driver_version", _TEXT),
        ("dtype", _TEXT),
        ("threads", _INT),
        ("timing", _TEXT),  # shared or exclusive
        ("foreign_load", _FLOAT),  # cores that other programs kept busy before a timed call
        ("cell", _TEXT),
        ("scorebench_version", _TEXT),
        ("git_commit", _TEXT),
        ("torch_version", _TEXT),
        ("sbi_version", _TEXT),
        ("started_at", _TEXT),  # ISO 8601, UTC
    ]
)
COLUMNS = SCHEMA.names


def plugin_fields() -> dict[str, pa.Field]:
    """Columns of registered metrics that are not the suite's own.

    Raises:
        UsageError: if a metric would fill a column that rows have already.
    """
    own = {name: cls for name, cls in metrics().items() if name not in BUILT_IN}
    for name, cls in own.items():
        taken = sorted(set(cls.columns()) & set(COLUMNS))
        if taken:
            raise UsageError(f"metric {name!r}: rows have a column {taken[0]!r} already; rename it")
    return {name: pa.field(name, _KINDS[kind]) for name, kind in columns(own).items()}


def is_plugin_field(field: pa.Field) -> bool:
    """Whether a column of a cell file may be that of a plug-in's metric."""
    return field.name not in COLUMNS and field.type in (_FLOAT, _CURVE)
