"""A file of rows as it is read: what does not belong to the schema is refused, with a reason of one line."""

from __future__ import annotations

import json
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.results.row_checks import NEEDED, UnfitError, check_rows
from bench.results.schema import SCHEMA, Row, is_plugin_field

__all__ = ["ORIGIN", "Part", "concatenated", "read_cell_file", "read_unchecked"]

ORIGIN = b"scorebench_directories"  # metadata key of a cell file: the directories that its rows were run in
MOST_ROWS = 100_000  # a cell has a row for each observation
MOST_COLUMNS = 2000
MOST_BYTES = 2**28  # of a file's uncompressed columns

# Columns that tables and figures add to rows; a plug-in's metric cannot have these names.
DERIVED = {"c2st_std", "rows", "failed", "metrics_failed", "sources", "row", "there", "pairs", "seconds"}
DERIVED |= {"steps", "simulations", "number", "order"}


@dataclass(frozen=True)
class Part:
    """Contents of a cell file: its table, and the identities of the directories that it was written in."""

    table: pa.Table
    origins: set[str]
    plugin_fields: dict[str, pa.Field] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        """The rows as dictionaries by column."""
        return self.table.to_pylist()


def read_cell_file(file: Path, columns: Sequence[str]) -> Part:
    """Read columns of a file with :func:`read_unchecked`, and check their values.

    Raises:
        UnfitError: if the rows are not rows of this suite, for example because a column has another type, a
            text is not UTF-8, ``params`` is not a JSON object, a time is infinite, or a curve has another
            length.
        OSError: if the file cannot be read.
        ValueError: if it is not a Parquet file. pyarrow also raises other exceptions for corrupt files.
    """
    part = read_unchecked(file, columns)
    check_rows(part.table)
    return part


def read_unchecked(
    file: Path,
    columns: Sequence[str],
    opened: BinaryIO | None = None,
    groups: Sequence[int] | None = None,
) -> Part:
    """Read columns of a file, ``NEEDED`` ones and those of plug-ins; what an older version lacks is empty.

    A row without a ``cell`` is of the cell that the file is named after. The types of columns are checked,
    their values are not.

    Arguments:
        file: Path of the file. A pipe is not opened, because this would wait for a writer.
        columns: Names of columns in ``SCHEMA``. Only these are checked.
        opened: The file, if it is open already; otherwise it is opened.
        groups: Numbers of the groups of rows to read, from 0; None for all.

    Raises:
        UnfitError: if a column is missing, or has another type.
        OSError: if the file cannot be read.
        ValueError: if it is not a Parquet file. pyarrow also raises other exceptions for corrupt files.
    """
    if opened is None and not stat.S_ISREG(file.stat().st_mode):
        raise UnfitError("it is not a regular file")
    columns = list(dict.fromkeys([*columns, *NEEDED, "cell"]))
    with pq.ParquetFile(opened or file) as parquet:
        _check_size(parquet.metadata)
        schema = parquet.schema_arrow
        known = schema.equals(SCHEMA)  # as nearly always, so that thousands of files are read faster
        if not known:
            _check_names(schema)
        more = {} if known else {one.name: one for one in schema if is_plugin_field(one)}
        wanted = [*columns, *more]
        if groups is None:  # faster than reading all groups by their numbers
            table = parquet.read(columns=wanted, use_threads=False)
        else:
            table = parquet.read_row_groups(groups, columns=wanted, use_threads=False)
        noted = (parquet.metadata.metadata or {}).get(ORIGIN, b"[]")
    table = table.replace_schema_metadata(None)
    schema = pa.schema([*map(SCHEMA.field, columns), *more.values()])
    if not table.schema.equals(schema):
        table = _cast(table, schema)
    if table["cell"].null_count:  # the file's name says which cell it is
        filled = pc.fill_null(table["cell"], file.stem)
        table = table.set_column(table.column_names.index("cell"), schema.field("cell"), filled)
    return Part(table, _origins(noted), more)


def concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of several tables in one; a table may lack the columns of a plug-in.

    Raises:
        pyarrow.ArrowException: if columns of the same name have different types.
    """
    return pa.concat_tables(tables, promote_options="default")


def _check_size(metadata: Any) -> None:
    if metadata.num_rows > MOST_ROWS:
        raise UnfitError(f"it has {metadata.num_rows} rows, more than {MOST_ROWS}")
    if metadata.num_columns > MOST_COLUMNS:
        raise UnfitError(f"it has {metadata.num_columns} columns, more than {MOST_COLUMNS}")
    groups = (metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups))
    if sum(groups) > MOST_BYTES:
        raise UnfitError(f"its columns take more than {MOST_BYTES >> 20} MiB")


def _check_names(schema: pa.Schema) -> None:
    names = schema.names
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise UnfitError(f"it has the column {twice[0]!r} twice")
    lacks = [name for name in ("cell", *NEEDED) if name not in names]
    if lacks:
        raise UnfitError(f"it has no column {lacks[0]!r}")
    taken = sorted(DERIVED.intersection(names))
    if taken:
        raise UnfitError(f"its column {taken[0]!r} has the name of a column of tables or figures")


def _cast(table: pa.Table, wanted: pa.Schema) -> pa.Table:
    for name in set(wanted.names) - set(table.column_names):
        table = table.append_column(name, pa.nulls(len(table)))
    table = table.select(wanted.names)
    for number, one in enumerate(wanted):
        if table.schema.field(number).type != one.type:
            try:
                column = table.column(number).cast(one.type)
            except (pa.ArrowException, ValueError):
                found = table.schema.field(number).type
                raise UnfitError(f"its column {one.name!r} is of type {found}, not {one.type}") from None
            table = table.set_column(number, one, column)
    return table.cast(wanted)


def _origins(noted: bytes) -> set[str]:
    origins = json.loads(noted)
    if not isinstance(origins, list):
        raise UnfitError("its list of directories is no list")
    return {str(origin) for origin in origins}
