"""Rows on disk: one Parquet file per cell under ``DIR/cells``, written whole or not at all."""

from __future__ import annotations

import os
import uuid
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.directories import nearest_directory
from bench.errors import StorageError, UsageError

__all__ = ["COLUMNS", "SCHEMA", "Row", "State", "Store", "done"]

Row = dict[str, Any]

_TEXT, _INT, _FLOAT, _CURVE = pa.string(), pa.int64(), pa.float64(), pa.list_(pa.float64())
SCHEMA = pa.schema(
    [
        ("task", _TEXT),
        ("task_version", _TEXT),
        ("method", _TEXT),
        ("params", _TEXT),  # JSON, every parameter
        ("method_version", _TEXT),
        ("task_sha256", _TEXT),  # source of the modules that define the task; null in rows of an older suite
        ("method_sha256", _TEXT),  # the same for the method
        ("num_simulations", _INT),
        ("seed", _INT),
        ("num_observation", _INT),
        ("status", _TEXT),  # ok, error or timeout
        ("error", _TEXT),  # traceback of fitting or sampling
        ("metric_errors", _TEXT),  # JSON: name of each metric that failed, and why; null where none did
        ("num_posterior_samples", _INT),  # for each observation
        ("batch_size", _INT),  # observations sampled at once
        ("samples_sha256", _TEXT),  # of the posterior samples, float32, row by row
        ("c2st", _FLOAT),
        ("c2st_se", _FLOAT),  # standard error over folds
        ("c2st_es", _FLOAT),  # with early stopping
        ("c2st_rf", _FLOAT),  # by sbi's random forest
        ("mmd2", _FLOAT),
        ("sliced_w2", _FLOAT),
        ("marginal_kl", _FLOAT),  # nats
        ("gaussian_kl", _FLOAT),  # nats
        ("gaussian_w2", _FLOAT),
        ("ppc", _FLOAT),  # the data's units
        ("outside_prior", _FLOAT),  # fraction
        ("simulate_s", _FLOAT),
        ("train_s", _FLOAT),
        ("sample_s", _FLOAT),  # median, rejection outside the prior included
        ("sample_s_iqr", _FLOAT),
        ("sample_s_raw", _FLOAT),  # the same without rejection, where scorebench time has measured it
        ("energy_j", _FLOAT),  # of a sampling call, where the machine counts it
        ("nfe", _FLOAT),
        ("num_parameters", _INT),
        ("peak_memory_mb", _FLOAT),
        ("cell_s", _FLOAT),  # of the whole cell, scoring included
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
STATE = ["cell", "num_observation", "status", "num_calibration", "started_at"]
BROKEN = ".broken"  # behind the name of a file that could not be read
BATCH = 500  # files that are read before their rows are put together, to free what each holds
# Of ten rows, dictionaries and statistics save nothing, and take a third of the time to read.
PLAIN = {"use_dictionary": False, "write_statistics": False}

State = dict[int, Row]  # the columns of STATE for every observation of a cell


class Store:
    """The results of a directory. Reading never needs the methods or tasks that wrote it.

    A cell file that is not whole is never in the way: it is set aside under another name, ``warn`` hears of
    it, and its cell is pending again.

    Arguments:
        directory: Where; made when the first cell is written.
        warn: Hears a line about every file that is set aside or left out.

    Raises:
        UsageError: where the path, or a parent of it, is a file.
    """

    def __init__(self, directory: str | Path, warn: Callable[[str], None] = warnings.warn) -> None:
        self.directory, self.warn = Path(directory), warn
        nearest_directory(self.directory)
        self.cells = self.directory / "cells"

    def write_cell(self, cell: str, rows: Iterable[Row]) -> None:
        """Add rows to a cell; a row for an observation that is there already replaces it.

        The file is written under a temporary name and renamed, so a reader sees the old or the new.

        Raises:
            StorageError: where it cannot be written; the old file is then left as it was.
        """
        merged = {row["num_observation"]: row for row in [*self.rows(cell), *rows]}
        table = pa.Table.from_pylist([merged[k] for k in sorted(merged)], schema=SCHEMA)
        temporary = self.cells / f".{cell}.{uuid.uuid4().hex}.tmp"
        try:
            self.cells.mkdir(parents=True, exist_ok=True)
            try:
                pq.write_table(table, temporary, **PLAIN)
                os.replace(temporary, self._path(cell))
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"{self._path(cell)} could not be written ({error.strerror or error}); what was done before "
                "is kept: make room, then run the same command to go on"
            ) from None

    def states(self) -> dict[str, State]:
        """What is known of every cell; files that cannot be read are set aside."""
        states: dict[str, State] = {}
        for file in self._files():
            part = self._table(file, STATE, aside=True)
            states[file.stem] = {row["num_observation"]: row for row in part.to_pylist()} if part else {}
        return states

    def state(self, cell: str) -> State:
        """The same for one cell, as it is now."""
        return {row["num_observation"]: {name: row[name] for name in STATE} for row in self.rows(cell)}

    def read(self, columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
        """All rows; what cannot be read is left out, with a word about it.

        Arguments:
            columns: Of ``SCHEMA``; fewer are read faster.

        Raises:
            UsageError: where there are none.
        """
        files, parts = self._files(), []
        for start in range(0, len(files), BATCH):
            batch = [self._table(file, columns, aside=False) for file in files[start : start + BATCH]]
            if any(batch):
                parts.append(pa.concat_tables(part for part in batch if part).combine_chunks())
        if not parts:
            raise UsageError(f"{self.directory}: no results there (expected {self.cells}/*.parquet)")
        return pa.concat_tables(parts).to_pandas(split_blocks=True, self_destruct=True)

    def _files(self) -> list[Path]:
        return sorted(self.cells.glob("*.parquet"))

    def _table(self, file: Path, columns: Sequence[str], aside: bool) -> pa.Table | None:
        try:
            return _read(file, columns)
        except (OSError, pa.ArrowException) as error:
            reason = str(error).splitlines()[0]
        if not aside:
            self.warn(
                f"{file}: left out, no cell file of this suite ({reason}); scorebench run makes it again"
            )
            return None
        kept = file.with_name(f"{file.name}{BROKEN}")
        os.replace(file, kept)
        self.warn(
            f"{file}: no cell file of this suite ({reason}); set aside as {kept.name}, its cell runs again"
        )
        return None

    def rows(self, cell: str) -> list[Row]:
        """All columns of a cell's rows; none where there is no such cell."""
        path = self._path(cell)
        part = self._table(path, COLUMNS, aside=True) if path.exists() else None
        return part.to_pylist() if part else []

    def _path(self, cell: str) -> Path:
        return self.cells / f"{cell}.parquet"


def done(state: State, num_calibration: int = 0) -> set[int]:
    """Observations of a cell whose row is there, has not failed, and is calibrated on as many pairs."""
    return {
        k
        for k, row in state.items()
        if row["status"] == "ok" and (row["num_calibration"] or 0) >= num_calibration
    }


def _read(file: Path, columns: Sequence[str]) -> pa.Table:
    """Columns of a file; those that an older suite did not write are empty."""
    wanted = pa.schema([SCHEMA.field(name) for name in columns])
    with pq.ParquetFile(file) as opened:
        table = opened.read(columns=list(columns), use_threads=False)
    if table.schema.equals(wanted):
        return table
    for name in set(columns) - set(table.column_names):
        table = table.append_column(name, pa.nulls(len(table)))
    return table.select(columns).cast(wanted)
