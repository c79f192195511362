"""Rows of very many cells in few large files, ``DIR/merged/NUMBER/TASK-NUMBER.parquet``.

A file is never changed. A change writes the files that differ into a new folder, which gets the next number
by being renamed, so that a reader sees either all of the old files or all of the new ones.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from bench.errors import StorageError, UsageError
from bench.results.cell_file import ORIGIN
from bench.results.claims import claim

__all__ = ["MergedFiles", "NewFiles", "groups_with"]

FOLDER = "merged"
GENERATION = re.compile(r"\d{6,18}")
MOST_ROWS = 50_000  # rows of a file; the reader refuses twice as many
MOST_BYTES = 2**27  # of a file in memory; the reader refuses twice as many
GROUP = 2000  # rows that are read to look up one cell
TRIES = 10  # attempts to open the files while they are being replaced
MOST_RANGES = 4096  # files whose ranges of cells are remembered

_ranges: dict[
    tuple[Path, int, int], list[tuple[str, str]]
] = {}  # of each group of rows, by file and its time


class NewFiles:
    """A folder that is being filled, and will replace the present one.

    Arguments:
        folder: Temporary folder.
        origin: Identity of the directory of results, which is noted in every file.
    """

    def __init__(self, folder: Path, origin: str) -> None:
        self._folder, self._noted = folder, b'["%s"]' % origin.encode()
        self._number = 0

    def write(self, table: pa.Table) -> None:
        """Write rows of one task, sorted by cell and observation, to one file or several."""
        if not len(table):
            return
        table = table.sort_by([("cell", "ascending"), ("num_observation", "ascending")])
        parts = max(-(-len(table) // MOST_ROWS), -(-table.nbytes // MOST_BYTES))
        size = -(-len(table) // parts)
        readable = re.sub(r"\W", "_", str(table["task"][0]), flags=re.ASCII)[:60]
        for start in range(0, len(table), size):
            self._number += 1
            path = self._folder / f"{readable}-{self._number:04}-{uuid.uuid4().hex[:8]}.parquet"
            rows = table.slice(start, size).replace_schema_metadata({ORIGIN: self._noted})
            pq.write_table(rows, path, row_group_size=GROUP, compression="zstd", write_statistics=["cell"])

    def keep(self, path: Path) -> None:
        """Take over a file of the present folder unchanged."""
        try:
            os.link(path, self._folder / path.name)
        except OSError:  # a file system without links
            shutil.copy2(path, self._folder / path.name)


class MergedFiles:
    """The large files of a directory of results, of which there may be none."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.folder = directory, directory / FOLDER

    def paths(self) -> list[Path]:
        """Return the paths of the present files, sorted.

        Raises:
            UsageError: if the folder may not be read.
        """
        for _ in range(TRIES):
            newest = self._newest()
            if newest is None:
                return []
            with contextlib.suppress(FileNotFoundError):  # it has just been replaced
                return [newest / name for name in sorted(os.listdir(newest)) if name.endswith(".parquet")]
        raise UsageError(f"{self.folder}: its files are being replaced all the time; try again later")

    @contextlib.contextmanager
    def opened(self) -> Iterator[Sequence[tuple[Path, BinaryIO]]]:
        """Open all present files, so that they can be read even if they are replaced in the meantime."""
        for _ in range(TRIES):
            with contextlib.ExitStack() as stack:
                try:
                    regular = [path for path in self.paths() if stat.S_ISREG(path.stat().st_mode)]
                    files = [(path, stack.enter_context(path.open("rb"))) for path in regular]
                except FileNotFoundError:
                    continue
                yield files
                return
        raise UsageError(f"{self.folder}: its files are being replaced all the time; try again later")

    @contextlib.contextmanager
    def replaced(self, origin: str) -> Iterator[NewFiles]:
        """Fill a new folder within the context, which then replaces the present one.

        If the context is left by an error, or the process is killed, nothing has changed. The lock of
        :meth:`locked` must be held.

        Arguments:
            origin: Identity of the directory of results.

        Raises:
            StorageError: if the files cannot be written.
        """
        temporary = self.folder / f".{uuid.uuid4().hex}.tmp"
        try:
            temporary.mkdir(parents=True)
            new = NewFiles(temporary, origin)
            before = self._newest()
            for kept in before.glob("*.broken") if before else ():
                new.keep(kept)
            yield new
            number = int(before.name) + 1 if before else 1
            os.rename(temporary, self.folder / f"{number:06}")
        except OSError as error:
            raise StorageError(
                f"{self.folder} could not be written ({error.strerror or error}); it is unchanged"
            ) from None
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        self._clear()

    def locked(self) -> contextlib.AbstractContextManager[bool]:
        """Return a context that holds the lock for changing these files."""
        return claim(self.directory, FOLDER)

    def _clear(self) -> None:
        """Remove folders that were replaced, and temporary ones of processes that were killed."""
        newest = self._newest()
        for name in os.listdir(self.folder):
            if newest is not None and name != newest.name:
                shutil.rmtree(self.folder / name, ignore_errors=True)  # on Windows, a reader may hinder it

    def _newest(self) -> Path | None:
        try:
            names = [name for name in os.listdir(self.folder) if GENERATION.fullmatch(name)]
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise UsageError(f"{self.folder}: {error.strerror or error}") from None
        return self.folder / max(names, key=int) if names else None


def groups_with(path: Path, opened: BinaryIO, cell: str) -> list[int]:
    """Return the numbers of the groups of rows of a file in which a cell has rows.

    Arguments:
        path: Path of the file.
        opened: The open file.
        cell: Key of the cell.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not a Parquet file. pyarrow also raises other exceptions for corrupt files.
    """
    status = os.fstat(opened.fileno())
    key = (path, status.st_mtime_ns, status.st_size)
    if key not in _ranges:
        if len(_ranges) >= MOST_RANGES:
            _ranges.clear()
        with pq.ParquetFile(opened) as parquet:
            _ranges[key] = list(map(_range, _groups(parquet.metadata)))
    groups = [number for number, (low, high) in enumerate(_ranges[key]) if low <= cell <= high]
    if not groups:
        return []
    with pq.ParquetFile(opened) as parquet:
        return [
            number
            for number in groups
            if cell in parquet.read_row_group(number, columns=["cell"])["cell"].to_pylist()
        ]


def _groups(metadata: Any) -> Iterator[Any]:
    return (metadata.row_group(number) for number in range(metadata.num_row_groups))


def _range(group: Any) -> tuple[str, str]:
    """Return the first and last cell of a group of rows; a file without statistics may hold any cell."""
    for number in range(group.num_columns):
        column = group.column(number)
        if (
            column.path_in_schema == "cell"
            and column.statistics is not None
            and column.statistics.has_min_max
        ):
            return column.statistics.min, column.statistics.max
    return "", "\U0010ffff"
