"""A cell file as it is read: what does not belong to the schema is refused, with the reason in one line."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.metrics.calibration_pairs import LEVELS
from bench.results.schema import SCHEMA, Row, is_plugin_field

__all__ = ["ORIGIN", "Part", "UnfitError", "check_shown", "read_cell_file"]

ORIGIN = b"scorebench_directories"  # metadata key of a cell file: the directories that its rows were run in
MOST_ROWS = 100_000  # a cell has a row for each observation
MOST_COLUMNS = 2000
MOST_BYTES = 2**28  # of a file's uncompressed columns

NEEDED = ("num_observation", "status")  # have a value in every row
# Have a value in every row that a table or figure shows.
SHOWN = ("task", "method", "num_simulations")
JSON = ("params", "changed_params", "metric_errors")
CURVES = ("sbc_curve", "coverage_curve", "tarp_curve")
FINITE = ("c2st", "simulate_s", "train_s", "sample_s", "sample_s_raw", "cell_s", "cell_cpu_s", "energy_j")
LEAST = {
    "num_observation": 0,
    "num_simulations": 1,
    "num_posterior_samples": 0,
    "batch_size": 1,
    "num_calibration": 0,
    "num_calibration_finite": 0,
}
# Columns that tables and figures add to rows; a plug-in's metric cannot have these names.
DERIVED = {"c2st_std", "rows", "failed", "metrics_failed", "sources", "row", "there", "pairs", "seconds"}
DERIVED |= {"steps", "simulations", "number", "order"}
KEY = re.compile(r"[\w.-]{1,200}")


class UnfitError(ValueError):
    """The file is sound, but its rows are not rows of this suite."""


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
    """Read columns of a file, ``NEEDED`` ones and those of plug-ins; what an older version lacks is empty.

    A row without a ``cell`` is of the cell that the file is named after.

    Arguments:
        file: Path of the file. A pipe is not opened, because this would wait for a writer.
        columns: Names of columns in ``SCHEMA``. Only these are checked.

    Raises:
        UnfitError: if the rows are not rows of this suite, for example because a column has another type, a
            text is not UTF-8, ``params`` is not a JSON object, a time is infinite, or a curve has another
            length.
        OSError: if the file cannot be read.
        ValueError: if it is not a Parquet file. pyarrow also raises other exceptions for corrupt files.
    """
    if not stat.S_ISREG(file.stat().st_mode):
        raise UnfitError("it is not a regular file")
    columns = list(dict.fromkeys([*columns, *NEEDED, "cell"]))
    with pq.ParquetFile(file) as opened:
        _check_size(opened.metadata)
        _check_names(opened.schema_arrow)
        more = {one.name: one for one in opened.schema_arrow if is_plugin_field(one)}
        table = opened.read(columns=[*columns, *more], use_threads=False)
        noted = (opened.metadata.metadata or {}).get(ORIGIN, b"[]")
    table = table.replace_schema_metadata(None)
    wanted = pa.schema([*(SCHEMA.field(name) for name in columns), *more.values()])
    if not table.schema.equals(wanted):
        table = _cast(table, wanted)
    table.validate(full=True)  # text is UTF-8
    if table["cell"].null_count:  # the file's name says which cell it is
        filled = pc.fill_null(table["cell"], file.stem)
        table = table.set_column(table.column_names.index("cell"), wanted.field("cell"), filled)
    for check in (_check_needed, _check_json, _check_curves, _check_numbers):
        check(table)
    return Part(table, _origins(noted), more)


def check_shown(part: Part) -> None:
    """Check that every row has what a table or figure groups rows by, and that no row is counted twice.

    Raises:
        UnfitError: if a value is missing, or two rows are of one observation.
    """
    names = set(part.table.column_names)
    numbers = part.table["num_observation"].to_pylist()
    if len(set(numbers)) < len(numbers):
        raise UnfitError("it has two rows of one observation")
    _check_present(part.table, [name for name in SHOWN if name in names])
    if {"status", "num_posterior_samples"} <= names:
        pairs = zip(
            *(part.table[name].to_pylist() for name in ("status", "num_posterior_samples")), strict=True
        )
        if any(status == "ok" and not number for status, number in pairs):
            raise UnfitError("a row with status ok has no num_posterior_samples")


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


def _check_needed(table: pa.Table) -> None:
    names = set(table.column_names)
    _check_present(table, [name for name in NEEDED if name in names])
    if any(KEY.fullmatch(cell) is None for cell in set(table["cell"].to_pylist())):
        raise UnfitError("its column 'cell' holds what is no name of a cell")


def _check_present(table: pa.Table, names: Sequence[str]) -> None:
    for name in names:
        if table[name].null_count:
            raise UnfitError(f"a row has no value in column {name!r}")


def _check_json(table: pa.Table) -> None:
    for name in _of(table, JSON):
        for text in set(table[name].to_pylist()) - {None, "{}"}:
            try:
                fits = isinstance(json.loads(text), dict)
            except (ValueError, RecursionError):
                fits = False
            if not fits:
                raise UnfitError(f"its column {name!r} holds what is no JSON object")


def _check_curves(table: pa.Table) -> None:
    for name in _of(table, CURVES):
        column = table[name]
        if column.null_count == len(column):
            continue
        for curve in column.to_pylist():
            if curve is None:
                continue
            # The curve of SBC ranks is one for each parameter, the others are one.
            size = len(curve) % len(LEVELS) if name == "sbc_curve" and curve else len(curve) - len(LEVELS)
            if size or None in curve or not np.isfinite(curve).all():
                raise UnfitError(f"its column {name!r} is no curve of {len(LEVELS)} finite numbers")


def _check_numbers(table: pa.Table) -> None:
    for name in _of(table, FINITE):
        if any(value is not None and abs(value) == np.inf for value in table[name].to_pylist()):
            raise UnfitError(f"its column {name!r} is infinite")
    for name in _of(table, LEAST):
        if any(value is not None and value < LEAST[name] for value in table[name].to_pylist()):
            raise UnfitError(f"its column {name!r} is less than {LEAST[name]}")


def _of(table: pa.Table, names: Sequence[str] | dict[str, int]) -> list[str]:
    there = set(table.column_names)
    return [name for name in names if name in there]


def _origins(noted: bytes) -> set[str]:
    origins = json.loads(noted)
    if not isinstance(origins, list):
        raise UnfitError("its list of directories is no list")
    return {str(origin) for origin in origins}
