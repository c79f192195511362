"""Rows on disk: one Parquet file per cell under ``DIR/cells``, which is written completely or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.errors import StorageError, UsageError
from bench.results.claims import claim
from bench.results.directories import nearest_directory
from bench.results.schema import COLUMNS, SCHEMA, Row, is_plugin_field, plugin_fields

__all__ = ["State", "Store", "done"]

STATE = ["cell", "num_observation", "status", "num_calibration", "started_at"]
STATE += ["task_sha256", "method_sha256"]
ORIGIN = b"scorebench_directories"  # metadata key of a cell file: the directories that its rows were run in
BROKEN = ".broken"  # suffix of a corrupt file
BATCH = 500  # number of files after which their rows are concatenated, to free the memory of each table
# For ten rows, dictionaries and statistics save no space, and take a third of the time to read.
PLAIN = {"use_dictionary": False, "write_statistics": False}

IDENTITY = "store.json"
State = dict[int, Row]  # the columns of STATE for each observation of a cell


class Store:
    """The results in a directory. They can be read without the tasks and methods that produced them.

    A corrupt cell file is renamed to ``*.broken``, a warning is printed, and its cell is run again. A cell
    file holds the identity of the directory that it was written in. A file that was copied from another
    directory may have replaced rows of the same cell, so this gives a warning, too.

    Arguments:
        directory: Directory of results, created when the first cell is written.
        warn: Function that receives one line about each file that is renamed or left out, and one line about
            copied files.

    Raises:
        UsageError: if the path, or a parent of it, is a file.
    """

    def __init__(self, directory: str | Path, warn: Callable[[str], None] = warnings.warn) -> None:
        self.directory, self._say = Path(directory), warn
        self._said: set[str] = set()
        nearest_directory(self.directory)
        self.cells = self.directory / "cells"

    def write_cell(self, cell: str, rows: Iterable[Row]) -> None:
        """Add rows to a cell; a new row replaces the cell's old row for the same observation.

        The file is written under a temporary name and then renamed, so a reader sees either the old or the
        new file.

        Raises:
            StorageError: if the file cannot be written; the old file is then unchanged.
        """
        before = self._cell(cell)
        merged = {row["num_observation"]: row for row in [*(before.rows if before else []), *rows]}
        fields = plugin_fields() | (before.plugin_fields if before else {})
        schema = pa.schema([*SCHEMA, *fields.values()])
        table = pa.Table.from_pylist([merged[k] for k in sorted(merged)], schema=schema)
        temporary = self.cells / f".{cell}.{uuid.uuid4().hex}.tmp"
        try:
            self.cells.mkdir(parents=True, exist_ok=True)
            origins = sorted((before.origins if before else set()) | {self._identity()})
            table = table.replace_schema_metadata({ORIGIN: json.dumps(origins).encode()})
            try:
                pq.write_table(table, temporary, **PLAIN)
                os.replace(temporary, self._path(cell))
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"{self._path(cell)} could not be written ({error.strerror or error}); earlier results are "
                "kept: make room, then run the same command to resume"
            ) from None

    def states(self, *, rename_broken: bool = True) -> dict[str, State]:
        """Return the state of every cell by its key.

        Arguments:
            rename_broken: Whether to rename corrupt files to ``*.broken``; otherwise nothing is changed.
        """
        parts = self._parts(STATE, rename_broken=rename_broken)
        return {name: {row["num_observation"]: row for row in part.rows} for name, part in parts}

    def state(self, cell: str) -> State:
        """Return the present state of one cell; it is empty if there is no such cell."""
        return {row["num_observation"]: {name: row[name] for name in STATE} for row in self.rows(cell)}

    def read(self, columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
        """Return all rows. Files that cannot be read are left out, with a warning.

        Columns of a plug-in's metrics follow the others, whether the plug-in is loaded or not.

        Arguments:
            columns: Names of columns in ``SCHEMA``; fewer columns are read faster.

        Raises:
            UsageError: if there are no results.
        """
        tables, batch = [], []
        for _, part in self._parts(columns, rename_broken=False):
            batch.append(part.table.select([*columns, *part.plugin_fields]))
            if len(batch) == BATCH:
                tables.append(_concatenated(batch).combine_chunks())
                batch = []
        tables += batch
        if not tables:
            raise UsageError(f"{self.directory}: no results there (expected {self.cells}/*.parquet)")
        return _concatenated(tables).to_pandas(split_blocks=True, self_destruct=True)

    def rows(self, cell: str) -> list[Row]:
        """Return a cell's rows with all columns; the list is empty if there is no such cell."""
        part = self._cell(cell)
        return part.rows if part else []

    def _warn(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._say(line)

    def _cell(self, cell: str) -> _Part | None:
        path = self._path(cell)
        return self._part(path, COLUMNS, rename_broken=True) if path.exists() else None

    def _parts(self, columns: Sequence[str], *, rename_broken: bool) -> Iterator[tuple[str, _Part]]:
        """Yield keys and contents of the cell files that can be read; warn at the end about copied files."""
        own = self._identity_if_known()
        copied, total, origins = 0, 0, {own} if own else set[str]()
        for file in sorted(self.cells.glob("*.parquet")):
            part = self._part(file, columns, rename_broken=rename_broken)
            if part is None:
                continue
            total += 1
            # A directory without an identity of its own takes that of the first file.
            origins = origins or set(part.origins)
            copied += not part.origins <= origins
            yield file.stem, part
        if copied:
            self._warn(
                f"{self.cells}: {copied} of {total} cell files were written in another directory. Copying "
                "does not merge: if both directories had a cell, only the rows of one are left. The run "
                "command of each directory runs the missing rows again"
            )

    def _part(self, file: Path, columns: Sequence[str], *, rename_broken: bool) -> _Part | None:
        try:
            part = _read(file, columns)
        except (OSError, ValueError, pa.ArrowException) as error:
            reason = f"not a cell file of this suite ({str(error).splitlines()[0]})"
            self._reject(file, reason, rename_broken)
            return None
        others = sorted(set(part.table["cell"].to_pylist()) - {file.stem, None})
        if any(self._path(other).exists() for other in others):
            self._reject(file, f"its rows are of cell {', '.join(others)}, which exists too", rename_broken)
            return None
        if others:
            self._warn(f"{file}: its rows are of cell {', '.join(others)}, which should be the file's name")
        return part

    def _reject(self, file: Path, reason: str, rename: bool) -> None:
        if not rename:
            self._warn(f"{file}: left out: {reason}; scorebench run will run its cell again")
            return
        kept = file.with_name(f"{file.name}{BROKEN}")
        os.replace(file, kept)
        self._warn(f"{file}: {reason}; renamed to {kept.name}, and its cell is run again")

    def _identity(self) -> str:
        """Return the directory's identity, which is created with its first cell and kept by full copies."""
        known = self._identity_if_known()
        if known:
            return known
        with claim(self.directory, IDENTITY):
            known = self._identity_if_known() or self._adopted() or uuid.uuid4().hex
            temporary = self.directory / f".{IDENTITY}.{uuid.uuid4().hex}.tmp"
            temporary.write_text(json.dumps({"directory": known}) + "\n", encoding="utf-8")
            os.replace(temporary, self.directory / IDENTITY)
        return known

    def _identity_if_known(self) -> str | None:
        try:
            return str(json.loads((self.directory / IDENTITY).read_text(encoding="utf-8"))["directory"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _adopted(self) -> str | None:
        """Return the identity in the first cell file that has one, for a directory that lost its own file.

        This happens if only ``cells`` was kept. None if no file has an identity.
        """
        for file in sorted(self.cells.glob("*.parquet")):
            with contextlib.suppress(OSError, ValueError, pa.ArrowException):
                for origin in sorted(_read(file, ["cell"]).origins):
                    return origin
        return None

    def _path(self, cell: str) -> Path:
        return self.cells / f"{cell}.parquet"


@dataclass(frozen=True)
class _Part:
    """Contents of a cell file: its table, and the identities of the directories that it was written in."""

    table: pa.Table
    origins: set[str]
    plugin_fields: dict[str, pa.Field] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        return self.table.to_pylist()


def done(state: State, num_calibration: int = 0) -> set[int]:
    """Return the observations with a successful row and calibration on at least ``num_calibration`` pairs."""
    return {
        k
        for k, row in state.items()
        if row["status"] == "ok" and (row["num_calibration"] or 0) >= num_calibration
    }


def _concatenated(tables: list[pa.Table]) -> pa.Table:
    """Tables of the same rows, of which some lack the columns of plug-ins."""
    return pa.concat_tables(tables, promote_options="default")


def _read(file: Path, columns: Sequence[str]) -> _Part:
    """Read columns of a file, ``cell`` and those of plug-ins; what an older version lacks is empty."""
    columns = list(dict.fromkeys([*columns, "cell"]))
    with pq.ParquetFile(file) as opened:
        more = {one.name: one for one in opened.schema_arrow if is_plugin_field(one)}
        table = opened.read(columns=[*columns, *more], use_threads=False)
        noted = (opened.metadata.metadata or {}).get(ORIGIN, b"[]")
    table, origins = table.replace_schema_metadata(None), {str(origin) for origin in json.loads(noted)}
    wanted = pa.schema([*(SCHEMA.field(name) for name in columns), *more.values()])
    if table.schema.equals(wanted):
        return _Part(table, origins, more)
    for name in set(columns) - set(table.column_names):
        table = table.append_column(name, pa.nulls(len(table)))
    return _Part(table.select(wanted.names).cast(wanted), origins, more)
