"""Rows on disk: one Parquet file per cell under ``DIR/cells``, written whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.errors import UsageError

__all__ = ["COLUMNS", "SCHEMA", "Row", "Store"]

Row = dict[str, Any]

_TEXT, _INT, _FLOAT, _CURVE = pa.string(), pa.int64(), pa.float64(), pa.list_(pa.float64())
SCHEMA = pa.schema(
    [
        ("task", _TEXT),
        ("task_version", _TEXT),
        ("method", _TEXT),
        ("params", _TEXT),  # JSON, every parameter
        ("method_version", _TEXT),
        ("num_simulations", _INT),
        ("seed", _INT),
        ("num_observation", _INT),
        ("status", _TEXT),  # ok or error
        ("error", _TEXT),  # traceback
        ("num_posterior_samples", _INT),
        ("c2st", _FLOAT),
        ("c2st_se", _FLOAT),  # standard error over folds
        ("c2st_es", _FLOAT),  # with early stopping
        ("mmd2", _FLOAT),
        ("sliced_w2", _FLOAT),
        ("marginal_kl", _FLOAT),  # nats
        ("gaussian_kl", _FLOAT),  # nats
        ("gaussian_w2", _FLOAT),
        ("ppc", _FLOAT),  # the data's units
        ("outside_prior", _FLOAT),  # fraction
        ("simulate_s", _FLOAT),
        ("train_s", _FLOAT),
        ("sample_s", _FLOAT),  # median
        ("sample_s_iqr", _FLOAT),
        ("nfe", _FLOAT),
        ("num_parameters", _INT),
        ("peak_memory_mb", _FLOAT),
        ("num_failed_simulations", _INT),  # dropped before fitting
        ("num_calibration", _INT),  # fresh pairs (theta, x); the same columns in all rows of a cell
        ("sbc_ks", _FLOAT),
        ("coverage_error", _FLOAT),
        ("tarp_ece", _FLOAT),
        ("sbc_curve", _CURVE),  # parameters x levels
        ("coverage_curve", _CURVE),
        ("tarp_curve", _CURVE),
        ("device", _TEXT),
        ("device_name", _TEXT),
        ("timing", _TEXT),  # shared or exclusive
        ("cell", _TEXT),
        ("scorebench_version", _TEXT),
        ("git_commit", _TEXT),
        ("torch_version", _TEXT),
        ("sbi_version", _TEXT),
        ("started_at", _TEXT),  # ISO 8601, UTC
    ]
)
COLUMNS = SCHEMA.names


class Store:
    """The results of a directory. Reading never needs the methods or tasks that wrote it.

    Raises:
        UsageError: where the path, or a parent of it, is a file.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        for path in (self.directory, *self.directory.parents):
            if path.exists():
                if not path.is_dir():
                    raise UsageError(f"out: {path} is a file, a directory is wanted")
                break
        self.cells = self.directory / "cells"

    def write_cell(self, cell: str, rows: Iterable[Row]) -> None:
        """Add rows to a cell; a row for an observation that is there already replaces it.

        The file is written under a temporary name and renamed, so a reader sees the old or the new.
        """
        merged = {row["num_observation"]: row for row in [*self._rows(cell), *rows]}
        table = pa.Table.from_pylist([merged[k] for k in sorted(merged)], schema=SCHEMA)
        self.cells.mkdir(parents=True, exist_ok=True)
        temporary = self.cells / f".{cell}.{uuid.uuid4().hex}.tmp"
        try:
            pq.write_table(table, temporary)
            os.replace(temporary, self._path(cell))
        finally:
            temporary.unlink(missing_ok=True)

    def done(self, cell: str, num_calibration: int = 0) -> set[int]:
        """Observations of a cell whose row is there, not an error, and calibrated on as many pairs."""
        return {
            row["num_observation"]
            for row in self._rows(cell)
            if row["status"] == "ok" and (row["num_calibration"] or 0) >= num_calibration
        }

    def read(self) -> pd.DataFrame:
        """All rows, with the columns of ``SCHEMA``.

        Raises:
            UsageError: where there are none.
        """
        files = sorted(self.cells.glob("*.parquet"))
        if not files:
            raise UsageError(f"{self.directory}: no results there (expected {self.cells}/*.parquet)")
        return pa.concat_tables(_read(file) for file in files).to_pandas()

    def _rows(self, cell: str) -> list[Row]:
        path = self._path(cell)
        return _read(path).to_pylist() if path.exists() else []

    def _path(self, cell: str) -> Path:
        return self.cells / f"{cell}.parquet"


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path, schema=SCHEMA)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"{path}: no cell file of this suite ({reason}); move it away and run again"
        ) from None
