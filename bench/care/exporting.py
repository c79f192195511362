"""All rows of a directory as one file, CSV or Parquet."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO, Literal

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from bench.errors import StorageError, UsageError
from bench.results.cell_file import concatenated
from bench.results.directories import replace
from bench.results.store import Store

__all__ = ["ExportFormat", "all_rows", "export"]

ExportFormat = Literal["csv", "parquet"]


def all_rows(store: Store) -> pa.Table:
    """Return all rows with all columns; those of plug-ins come last, empty where a row has none.

    Raises:
        UsageError: if there are no results.
    """
    tables = [table for _, table in store.tables()]
    if not tables:
        raise UsageError(f"{store.directory}: no results there")
    return concatenated(tables)


def export(rows: pa.Table, form: ExportFormat, file: Path | IO[bytes]) -> None:
    """Write rows to a file, which is written completely or not at all, or to an open stream.

    In CSV, curves are JSON lists and a missing value is empty.

    Arguments:
        rows: Rows from :func:`all_rows`.
        form: Format of the file.
        file: Path of the file, which is replaced if it exists, or an open binary file.

    Raises:
        StorageError: if the file cannot be written.
    """
    if not isinstance(file, Path):
        WRITERS[form](rows, file)
        return
    temporary = file.with_name(f".{file.name}.{uuid.uuid4().hex}.tmp")
    try:
        try:
            with temporary.open("wb") as opened:
                WRITERS[form](rows, opened)
            replace(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{file} could not be written ({error.strerror or error})") from None


def _as_csv(rows: pa.Table, file: IO[bytes]) -> None:
    for number, field in enumerate(rows.schema):
        if pa.types.is_list(field.type):
            texts = [None if curve is None else json.dumps(curve) for curve in rows[field.name].to_pylist()]
            rows = rows.set_column(number, field.name, pa.array(texts, pa.string()))
    pa_csv.write_csv(rows, file)


def _as_parquet(rows: pa.Table, file: IO[bytes]) -> None:
    pq.write_table(rows, file, compression="zstd")


WRITERS: dict[ExportFormat, Callable[[pa.Table, IO[bytes]], None]] = {
    "csv": _as_csv,
    "parquet": _as_parquet,
}
