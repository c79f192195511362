"""Reading the files of a directory of results: cells' own files, and merged files of very many cells."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from bench.errors import StorageError, UsageError
from bench.results.cell_file import Part, concatenated, read_cell_file, read_unchecked
from bench.results.directories import nearest_directory, read_regular
from bench.results.merged_files import MergedFiles, groups_with
from bench.results.pairs import Pairs, pairs_of, within
from bench.results.row_checks import UnfitError, check_rows, check_shown
from bench.results.schema import COLUMNS

__all__ = ["BATCH", "IDENTITY", "UNREADABLE", "RowReader"]

BROKEN = ".broken"  # suffix of a corrupt file
BATCH = 500  # number of files that are checked together, and whose rows are concatenated to free memory
MANY = 3000  # Number of files of single cells from which on a line says that merging them saves time.
IDENTITY = "store.json"
MOST_IDENTITY = 10_000  # bytes of that file
# What may be raised for a file with any content.
UNREADABLE = (OSError, ValueError, TypeError, OverflowError, RecursionError, MemoryError, pa.ArrowException)
Check = Callable[[pa.Table], None]


class RowReader:
    """Reads the files of a directory, and leaves out or renames those that do not belong.

    Arguments:
        directory: Directory of results, which need not exist.
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
        self.merged = MergedFiles(self.directory)

    def cell_files(self) -> list[Path]:
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

    def path(self, cell: str) -> Path:
        """Return the path of a cell's own file, which need not exist."""
        return self.cells / f"{cell}.parquet"

    def known_identity(self) -> str | None:
        """Return the identity of the directory; None if it has none yet."""
        try:
            text = read_regular(self.directory / IDENTITY, MOST_IDENTITY)
            return str(json.loads(text)["directory"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def parts(
        self, columns: Sequence[str], *, rename_broken: bool, shown: bool = False
    ) -> Iterator[tuple[Path, Part]]:
        """Yield paths and contents of the files that can be read; warn at the end about copied files.

        Merged files come last, without the rows that cells' own files replace. In this order no row is
        missed if rows are moved to merged files in the meantime.

        Arguments:
            columns: Names of columns in ``SCHEMA``.
            rename_broken: Whether to rename corrupt files to ``*.broken``.
            shown: Whether to leave out files with rows that a table or figure cannot show.
        """
        own = self.known_identity()
        copied, total, origins = 0, 0, {own} if own else set[str]()
        checks = [check_rows, check_shown] if shown else [check_rows]
        hidden: dict[str, set[int]] = defaultdict(set)
        for file, part in itertools.chain(
            self._single_parts(columns, checks, rename_broken),
            self._merged_parts(columns, checks, rename_broken, hidden),
        ):
            total += 1
            # A directory without an identity of its own takes that of the first file.
            origins = origins or set(part.origins)
            copied += not part.origins <= origins
            if file.parent == self.cells:
                for cell, numbers in pairs_of(part.table).items():
                    hidden[cell] |= numbers
            yield file, part
        if total > MANY and len(self.cell_files()) > MANY:
            here = self.directory
            self._warn(
                f"{self.cells}: more than {MANY} files of single cells; scorebench merge {here} --out {here} "
                "puts their rows into few large files, which are read several times faster"
            )
        if copied:
            self._warn(
                f"{self.cells}: {copied} of {total} cell files were written in another directory. Copying "
                "does not merge: if both directories had a cell, only the rows of one are left. scorebench "
                "merge does, or the run command of each directory runs the missing rows again"
            )

    def cell_part(self, cell: str) -> Part | None:
        """Return the present rows of a cell, of its own file and of merged files; None if there are none."""
        own = self.own_part(cell)
        parts = [] if own is None else [own]
        hidden = {} if own is None else pairs_of(own.table)
        with self.merged.opened() as files:
            for file, opened in files:
                try:
                    groups = groups_with(file, opened, cell)
                    part = read_unchecked(file, COLUMNS, opened, groups) if groups else None
                    if part is not None:
                        check_rows(part.table)
                except UNREADABLE as error:
                    self.reject(file, error, rename=True)
                    continue
                if part is not None:
                    mine = pc.equal(part.table["cell"], cell).to_numpy() & ~within(part.table, hidden)
                    parts.append(dataclasses.replace(part, table=part.table.filter(mine)))
        if len(parts) < 2:
            return parts[0] if parts else None
        fields = {name: one for part in parts for name, one in part.plugin_fields.items()}
        origins = {origin for part in parts for origin in part.origins}
        return Part(concatenated([part.table for part in parts]), origins, fields)

    def own_part(self, cell: str) -> Part | None:
        """Return the contents of a cell's own file; None if there is none, or it was renamed as corrupt."""
        file = self.path(cell)
        if not file.exists():
            return None
        try:
            part = read_cell_file(file, COLUMNS)
        except UNREADABLE as error:
            self.reject(file, error, rename=True)
            return None
        return part if self._belongs(file, part, rename_broken=True) else None

    def merged_part(self, file: Path) -> Part | None:
        """Return the contents of a merged file; None if it cannot be read."""
        try:
            return read_cell_file(file, COLUMNS)
        except UNREADABLE as error:
            self.reject(file, error, rename=False)
            return None

    def reject(self, file: Path, error: BaseException, rename: bool) -> None:
        """Warn about a file that does not belong, and rename it to ``*.broken`` if wanted."""
        if isinstance(error, UnfitError):
            reason, then = str(error), "delete it, and scorebench run runs its cells again"
        else:
            detail = (str(error).splitlines() or [type(error).__name__])[0]
            reason, then = (
                f"not a cell file of this suite ({detail})",
                "scorebench run will run its cells again",
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
        self._warn(f"{file}: {reason}; renamed to {kept.name}, and its cells are run again")

    def _warn(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._say(line)

    def _single_parts(
        self, columns: Sequence[str], checks: Sequence[Check], rename_broken: bool
    ) -> Iterator[tuple[Path, Part]]:
        """Yield the cells' own files, which are checked many at a time."""
        files = self.cell_files()
        for start in range(0, len(files), BATCH):
            batch = []
            for file in files[start : start + BATCH]:
                try:
                    batch.append((file, read_unchecked(file, columns)))
                except UNREADABLE as error:
                    if os.path.lexists(file):  # otherwise it has just been merged or removed
                        self.reject(file, error, rename_broken)
            try:
                together = concatenated([part.table for _, part in batch]) if batch else None
                for check in checks if together is not None else ():
                    check(together)
            except UNREADABLE:  # the checks of each file say which it is
                batch = [one for one in batch if self._fits(*one, checks, rename_broken)]
            yield from (one for one in batch if self._belongs(*one, rename_broken))

    def _merged_parts(
        self, columns: Sequence[str], checks: Sequence[Check], rename_broken: bool, hidden: Pairs
    ) -> Iterator[tuple[Path, Part]]:
        """Yield the merged files without the hidden rows."""
        with self.merged.opened() as files:
            for file, opened in files:
                try:
                    part = read_unchecked(file, columns, opened)
                except UNREADABLE as error:
                    self.reject(file, error, rename_broken)
                    continue
                if self._fits(file, part, checks, rename_broken):
                    shadowed = within(part.table, hidden)
                    if shadowed.any():
                        part = dataclasses.replace(part, table=part.table.filter(~shadowed))
                    yield file, part

    def _fits(self, file: Path, part: Part, checks: Sequence[Check], rename_broken: bool) -> bool:
        """Return whether the rows pass the checks; if not, the file is rejected."""
        try:
            for check in checks:
                check(part.table)
        except UNREADABLE as error:
            self.reject(file, error, rename_broken and checks == [check_rows])
            return False
        return True

    def _belongs(self, file: Path, part: Part, rename_broken: bool) -> bool:
        """Return whether the rows are of the cell that the file is named after, or of one without a file."""
        others = sorted(set(part.table["cell"].to_pylist()) - {file.stem, None})
        if any(self.path(other).exists() for other in others):
            copied = UnfitError(f"its rows are of cell {', '.join(others)}, which exists too")
            self.reject(file, copied, rename_broken)
            return False
        if others:
            self._warn(f"{file}: its rows are of cell {', '.join(others)}, which should be the file's name")
        return True
