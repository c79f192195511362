"""Rows on disk: one Parquet file per cell under ``DIR/cells``, which is written completely or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.errors import StorageError, UsageError
from bench.results.cell_file import ORIGIN, Part, UnfitError, check_shown, read_cell_file
from bench.results.claims import claim
from bench.results.directories import nearest_directory, read_regular, replace
from bench.results.row_samples import RowSamples
from bench.results.schema import COLUMNS, SCHEMA, Row, plugin_fields

__all__ = ["State", "Store", "done"]

STATE = ["cell", "num_observation", "status", "num_calibration", "started_at"]
STATE += ["task_sha256", "method_sha256", "samples_sha256", "num_posterior_samples"]
BROKEN = ".broken"  # suffix of a corrupt file
BATCH = 500  # number of files after which their rows are concatenated, to free the memory of each table
# For ten rows, dictionaries and statistics save no space, and take a third of the time to read.
PLAIN = {"use_dictionary": False, "write_statistics": False}

IDENTITY = "store.json"
MOST_IDENTITY = 10_000  # bytes of that file
# What may be raised for a file with any content.
UNREADABLE = (OSError, ValueError, TypeError, OverflowError, RecursionError, MemoryError, pa.ArrowException)
State = dict[int, Row]  # the columns of STATE for each observation of a cell


class Store(RowSamples):
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
                replace(temporary, self._path(cell))
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
        tables, batch, kinds = [], [], dict[str, pa.Field]()
        for name, part in self._parts(columns, rename_broken=False):
            try:
                if shown:
                    check_shown(part)
                _check_kinds(part, kinds)
            except UnfitError as error:
                self._reject(self._path(name), error, rename=False)
                continue
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

    def _cell(self, cell: str) -> Part | None:
        path = self._path(cell)
        return self._part(path, COLUMNS, rename_broken=True) if path.exists() else None

    def _parts(self, columns: Sequence[str], *, rename_broken: bool) -> Iterator[tuple[str, Part]]:
        """Yield keys and contents of the cell files that can be read; warn at the end about copied files."""
        own = self._identity_if_known()
        copied, total, origins = 0, 0, {own} if own else set[str]()
        for file in self._files():
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

    def _part(self, file: Path, columns: Sequence[str], *, rename_broken: bool) -> Part | None:
        try:
            part = read_cell_file(file, columns)
        except UNREADABLE as error:
            self._reject(file, error, rename_broken)
            return None
        others = sorted(set(part.table["cell"].to_pylist()) - {file.stem, None})
        if any(self._path(other).exists() for other in others):
            copied = UnfitError(f"its rows are of cell {', '.join(others)}, which exists too")
            self._reject(file, copied, rename_broken)
            return None
        if others:
            self._warn(f"{file}: its rows are of cell {', '.join(others)}, which should be the file's name")
        return part

    def _reject(self, file: Path, error: BaseException, rename: bool) -> None:
        if isinstance(error, UnfitError):
            reason, then = str(error), "delete it, and scorebench run runs its cell again"
        else:
            detail = (str(error).splitlines() or [type(error).__name__])[0]
            reason, then = (
                f"not a cell file of this suite ({detail})",
                "scorebench run will run its cell again",
            )
        if not rename:
            self._warn(f"{file}: left out: {reason}; {then}")
            return
        kept = file.with_name(f"{file.name}{BROKEN}")
        try:
            os.replace(file, kept)
        except OSError as fault:
            raise StorageError(
                f"{file}: {reason}; it could not be renamed ({fault.strerror or fault}): move it away"
            ) from None
        self._warn(f"{file}: {reason}; renamed to {kept.name}, and its cell is run again")

    def _identity(self) -> str:
        """Return the directory's identity, which is created with its first cell and kept by full copies."""
        known = self._identity_if_known()
        if known:
            return known
        with claim(self.directory, IDENTITY):
            known = self._identity_if_known() or self._adopted() or uuid.uuid4().hex
            temporary = self.directory / f".{IDENTITY}.{uuid.uuid4().hex}.tmp"
            try:
                temporary.write_text(json.dumps({"directory": known}) + "\n", encoding="utf-8")
                replace(temporary, self.directory / IDENTITY)
            finally:
                temporary.unlink(missing_ok=True)
        return known

    def _identity_if_known(self) -> str | None:
        try:
            text = read_regular(self.directory / IDENTITY, MOST_IDENTITY)
            return str(json.loads(text)["directory"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def _adopted(self) -> str | None:
        """Return the identity in the first cell file that has one, for a directory that lost its own file.

        This happens if only ``cells`` was kept. None if no file has an identity.
        """
        for file in self._files():
            with contextlib.suppress(*UNREADABLE):
                for origin in sorted(read_cell_file(file, ["cell"]).origins):
                    return origin
        return None

    def _files(self) -> list[Path]:
        """Return the paths of all cell files, sorted.

        Raises:
            UsageError: if the directory may not be read.
        """
        try:
            names = os.listdir(self.cells)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise UsageError(f"{self.cells}: {error.strerror or error}") from None
        return [self.cells / name for name in sorted(names) if name.endswith(".parquet")]

    def _path(self, cell: str) -> Path:
        return self.cells / f"{cell}.parquet"


def done(state: State, num_calibration: int = 0) -> set[int]:
    """Return the observations with a successful row and calibration on at least ``num_calibration`` pairs."""
    return {
        k
        for k, row in state.items()
        if row["status"] == "ok" and (row["num_calibration"] or 0) >= num_calibration
    }


def _check_kinds(part: Part, kinds: dict[str, pa.Field]) -> None:
    """Check that the columns of plug-ins have the same types as in the files so far, and remember them."""
    for name, one in part.plugin_fields.items():
        if kinds.setdefault(name, one).type != one.type:
            raise UnfitError(
                f"its column {name!r} is of type {one.type}, in other files of {kinds[name].type}"
            )


def _concatenated(tables: list[pa.Table]) -> pa.Table:
    """Tables of the same rows, of which some lack the columns of plug-ins."""
    return pa.concat_tables(tables, promote_options="default")
