"""Rows of the programme on disk: one Parquet file for each part of a run, rewritten with each row."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from bench.clock.energy import driver_version
from bench.gpu.measured import Measured, Setting
from bench.results.provenance import device_name, versions
from bench.results.schema import Row

__all__ = ["COLUMNS", "COMMIT", "RowFiles", "read_rows"]

FOLDER = "rows"
COMMIT = "SCOREBENCH_COMMIT"  # environment variable with the commit, for a checkout without git
SCHEMA = pa.schema(
    [
        ("part", pa.string()),
        ("what", pa.string()),
        ("quantity", pa.string()),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("aim", pa.string()),
        ("meets_aim", pa.bool_()),
        ("num_calls", pa.int64()),
        ("iqr", pa.float64()),
        ("sizes", pa.string()),
        ("device", pa.string()),
        ("device_name", pa.string()),
        ("scale", pa.float64()),
        ("threads", pa.int64()),
        ("torch_version", pa.string()),
        ("driver_version", pa.string()),
        ("git_commit", pa.string()),
        ("started_at", pa.string()),
        ("run", pa.string()),
        ("error", pa.string()),
    ]
)
COLUMNS = SCHEMA.names


@dataclass
class RowFiles:
    """The rows of one run, in the files ``DIR/rows/RUN_PART.parquet``, and its log ``DIR/rows/RUN.log``.

    Arguments:
        directory: Directory of the results; it is made with the first row.
        setting: Device and scale of the run.
        run: Name of the run, by default its start in UTC.
    """

    directory: Path
    setting: Setting
    run: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y%m%dT%H%M%S"))

    def __post_init__(self) -> None:
        self._rows: dict[str, list[Row]] = {}

    def add(self, part: str, measured: Measured, started_at: datetime) -> Row:
        """Add a row to the part's file, and return it.

        The file is written under another name and then renamed, so that it is complete at any time.

        Arguments:
            part: Name of the part.
            measured: Value or error.
            started_at: Time at which the measurement began.
        """
        row = self._row(part, measured, started_at)
        rows = self._rows.setdefault(part, [])
        rows.append(row)
        folder = self.directory / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.run}_{part}.parquet"
        temporary = file.with_suffix(".tmp")
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), temporary)
        os.replace(temporary, file)
        return row

    def log(self, line: str) -> None:
        """Append a line to the run's log."""
        folder = self.directory / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{self.run}.log").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def _row(self, part: str, measured: Measured, started_at: datetime) -> Row:
        compared = self.setting.has_aims and measured.aim is not None and not measured.error
        known = versions()
        return {
            "part": part,
            "what": measured.what,
            "quantity": measured.quantity,
            "value": None if math.isnan(measured.value) else float(measured.value),
            "unit": measured.unit,
            "aim": "" if measured.aim is None else str(measured.aim),
            "meets_aim": bool(measured.aim.is_met_by(measured.value)) if compared and measured.aim else None,
            "num_calls": measured.num_calls,
            "iqr": None if math.isnan(measured.iqr) else float(measured.iqr),
            "sizes": json.dumps(measured.sizes, sort_keys=True),
            "device": self.setting.device,
            "device_name": device_name(self.setting.device),
            "scale": self.setting.scale,
            "threads": torch.get_num_threads(),
            "torch_version": known["torch_version"],
            "driver_version": driver_version(self.setting.device),
            "git_commit": known["git_commit"] or os.environ.get(COMMIT, ""),
            "started_at": started_at.isoformat(timespec="milliseconds"),
            "run": self.run,
            "error": measured.error,
        }


def read_rows(directory: Path) -> pd.DataFrame:
    """Return the rows of all runs in a directory, oldest run first; the frame is empty if there are none."""
    tables = [pq.read_table(file, schema=SCHEMA) for file in sorted((directory / FOLDER).glob("*.parquet"))]
    return pa.concat_tables(tables or [SCHEMA.empty_table()]).to_pandas()
