"""Rows on disk, written completely or not at all: a file for each cell, and merged files of many cells.

A run writes ``DIR/cells/KEY.parquet``. ``scorebench merge`` writes the rows of very many cells into few large
files under ``DIR/merged``. A row in a cell's own file replaces a merged row of the same cell and observation.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.errors import StorageError, UsageError
from bench.results.cell_file import ORIGIN, Part, concatenated, read_cell_file
from bench.results.claims import claim
from bench.results.directories import replace
from bench.results.row_checks import UnfitError
from bench.results.row_reader import BATCH, IDENTITY, UNREADABLE, RowReader
from bench.results.row_samples import RowSamples
from bench.results.schema import COLUMNS, SCHEMA, Row, plugin_fields

__all__ = ["State", "Store", "done", "is_good"]

STATE = ["cell", "num_observation", "status", "invalid", "num_calibration", "started_at"]
STATE += ["task_sha256", "method_sha256", "samples_sha256", "num_posterior_samples"]
# For ten rows, dictionaries and statistics save no space, and take a third of the time to read.
PLAIN = {"use_dictionary": False, "write_statistics": False}

State = dict[int, Row]  # the columns of STATE for each observation of a cell


class Store(RowSamples, RowReader):
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

    def write_cell(self, cell: str, rows: Iterable[Row]) -> None:
        """Add rows to a cell; a new row replaces the cell's old row for the same observation.

        A row that failed does not replace a good one, so that a cell that is run again loses nothing. The
        file is written under a temporary name and then renamed, so a reader sees either the old or the new
        file.

        Raises:
            StorageError: if the file cannot be written; the old file is then unchanged.
        """
        before = self.cell_part(cell)
        merged = {row["num_observation"]: row for row in (before.rows if before else [])}
        for row in rows:
            old = merged.get(row["num_observation"])
            if old is None or not is_good(old) or is_good(row):
                merged[row["num_observation"]] = row
        fields = plugin_fields() | (before.plugin_fields if before else {})
        schema = pa.schema([*SCHEMA, *fields.values()])
        table = pa.Table.from_pylist([merged[k] for k in sorted(merged)], schema=schema)
        self.write_table(cell, table, before.origins if before else set())

    def write_table(self, cell: str, table: pa.Table, origins: Collection[str] = ()) -> None:
        """Write all rows of a cell's own file, or remove the file if there are none.

        Arguments:
            cell: Key of the cell.
            table: Rows with all columns.
            origins: Identities of other directories in which some of the rows were written.

        Raises:
            StorageError: if the file cannot be written; the old file is then unchanged.
        """
        temporary = self.cells / f".{cell}.{uuid.uuid4().hex}.tmp"
        try:
            if not len(table):
                self.path(cell).unlink(missing_ok=True)
                return
            self.cells.mkdir(parents=True, exist_ok=True)
            noted = json.dumps(sorted({*origins, self.identity()})).encode()
            table = table.replace_schema_metadata({ORIGIN: noted})
            try:
                pq.write_table(table, temporary, **PLAIN)
                replace(temporary, self.path(cell))
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"{self.path(cell)} could not be written ({error.strerror or error}); earlier results are "
                "kept: make room, then run the same command to resume"
            ) from None

    def states(self, *, rename_broken: bool = True, cells: Collection[str] | None = None) -> dict[str, State]:
        """Return the state of every cell by its key.

        Arguments:
            rename_broken: Whether to rename corrupt files to ``*.broken``; otherwise nothing is changed.
            cells: Keys of the cells to look up in merged files, which may hold very many others; None for
                all.
        """
        states: dict[str, State] = {}
        wanted = None if cells is None else pa.array(sorted(set(cells)), pa.string())
        for file, part in self.parts(STATE, rename_broken=rename_broken):
            table = part.table.select(STATE)
            if file.parent == self.cells:
                states[file.stem] = {row["num_observation"]: row for row in table.to_pylist()}
                continue
            if wanted is not None:
                table = table.filter(pc.is_in(table["cell"], value_set=wanted))
            for row in table.to_pylist():
                states.setdefault(row["cell"], {})[row["num_observation"]] = row
        return states

    def state(self, cell: str) -> State:
        """Return the present state of one cell; it is empty if there is no such cell."""
        return {row["num_observation"]: {name: row[name] for name in STATE} for row in self.rows(cell)}

    def read(self, columns: Sequence[str] = COLUMNS, *, shown: bool = False) -> pd.DataFrame:
        """Return all rows. Files that do not belong are left out, with a warning; no file is changed.

        Columns of a plug-in's metrics follow the others, whether the plug-in is loaded or not.

        Arguments:
            columns: Names of columns in ``SCHEMA``; fewer columns are read faster.
            shown: Whether the rows are for a table or figure, so that files are left out, too, in which a
                row has no task, method or budget.

        Raises:
            UsageError: if there are no results, or the directory may not be read.
        """
        tables = [table for _, table in self.tables(columns, shown=shown)]
        if not tables:
            raise UsageError(f"{self.directory}: no results there (expected {self.cells}/*.parquet)")
        return concatenated(tables).to_pandas(split_blocks=True, self_destruct=True)

    def tables(
        self, columns: Sequence[str] = COLUMNS, *, shown: bool = False
    ) -> Iterator[tuple[list[Path], pa.Table]]:
        """Yield all rows as :meth:`read` does, in tables of moderate size, each with the files it is from."""
        batch, files, kinds = [], list[Path](), dict[str, pa.Field]()
        for file, part in self.parts(columns, rename_broken=False, shown=shown):
            try:
                _check_kinds(part, kinds)
            except UnfitError as error:
                self.reject(file, error, rename=False)
                continue
            batch.append(part.table.select([*columns, *part.plugin_fields]))
            files.append(file)
            if len(batch) == BATCH or file.parent != self.cells:
                yield files, concatenated(batch).combine_chunks()
                batch, files = [], []
        if batch:
            yield files, concatenated(batch)

    def rows(self, cell: str) -> list[Row]:
        """Return a cell's rows with all columns; the list is empty if there is no such cell."""
        part = self.cell_part(cell)
        return part.rows if part else []

    def identity(self) -> str:
        """Return the directory's identity, which is created with its first cell and kept by full copies."""
        known = self.known_identity()
        if known:
            return known
        with claim(self.directory, IDENTITY):
            known = self.known_identity() or self._adopted() or uuid.uuid4().hex
            temporary = self.directory / f".{IDENTITY}.{uuid.uuid4().hex}.tmp"
            try:
                temporary.write_text(json.dumps({"directory": known}) + "\n", encoding="utf-8")
                replace(temporary, self.directory / IDENTITY)
            finally:
                temporary.unlink(missing_ok=True)
        return known

    def _adopted(self) -> str | None:
        """Return the identity in the first cell file that has one, for a directory that lost its own file.

        This happens if only ``cells`` was kept. None if no file has an identity.
        """
        for file in [*self.cell_files(), *self.merged.paths()]:
            with contextlib.suppress(*UNREADABLE):
                for origin in sorted(read_cell_file(file, ["cell"]).origins):
                    return origin
        return None


def done(state: State, num_calibration: int = 0) -> set[int]:
    """Return the observations with a good row and calibration on at least ``num_calibration`` pairs."""
    return {
        k for k, row in state.items() if is_good(row) and (row["num_calibration"] or 0) >= num_calibration
    }


def is_good(row: Row) -> bool:
    """Return whether a row is successful and was not invalidated."""
    return row["status"] == "ok" and row.get("invalid") is None


def _check_kinds(part: Part, kinds: dict[str, pa.Field]) -> None:
    """Check that the columns of plug-ins have the same types as in the files so far, and remember them."""
    for name, one in part.plugin_fields.items():
        if kinds.setdefault(name, one).type != one.type:
            raise UnfitError(
                f"its column {name!r} is of type {one.type}, in other files of {kinds[name].type}"
            )
