"""Merging directories of results by cell and observation, into few large files."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bench.care.changing import marked
from bench.care.sample_copies import copy_samples
from bench.care.winners import JUDGED_BY, STORED, Winners, winners
from bench.errors import StorageError, UsageError
from bench.metrics import columns
from bench.results.cell_file import concatenated
from bench.results.claims import claim
from bench.results.directories import replace
from bench.results.merged_files import MOST_BYTES, MOST_ROWS, NewFiles
from bench.results.pairs import within
from bench.results.sample_files import SampleFiles
from bench.results.schema import COLUMNS
from bench.results.store import Store
from bench.run.run_record import FOLDER as RECORDS

__all__ = ["Merged", "merge"]

MOST_KEPT = 2**28  # bytes of a directory's rows that are kept in memory between judging and writing
Signature = tuple[int, int, int]  # of a file: number on its disk, time and size


@dataclass(frozen=True)
class Merged:
    """Counts of a merge.

    Attributes:
        num_cells: Number of cells in the merged directory.
        num_rows: Number of rows in it.
        changed: Whether anything had to be written.
    """

    num_cells: int
    num_rows: int
    changed: bool


class _Source:
    """A directory to be merged, whose rows are read once if they fit into memory, else twice."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._kept: list[tuple[list[Path], pa.Table]] | None = []

    def judged(self) -> pd.DataFrame:
        """Return the columns that winners are chosen by."""
        size, parts = 0, []
        for files, table in self.store.tables():
            parts.append(table.select(STORED).append_column("num_metrics", _num_metrics(table)))
            size += table.nbytes
            if self._kept is not None:
                self._kept = [*self._kept, (files, table)] if size <= MOST_KEPT else None
        return concatenated(parts).to_pandas() if parts else pd.DataFrame(columns=JUDGED_BY)

    def tables(self) -> Iterable[tuple[list[Path], pa.Table]]:
        """Return all rows, in tables with the files that they are from."""
        return self.store.tables() if self._kept is None else self._kept


@dataclass
class _Pending:
    """Rows of a task that are not written yet."""

    tables: list[pa.Table] = field(default_factory=list)

    def add(self, table: pa.Table) -> None:
        self.tables.append(table)

    @property
    def is_large(self) -> bool:
        rows, size = sum(map(len, self.tables)), sum(table.nbytes for table in self.tables)
        return rows >= MOST_ROWS or size >= MOST_BYTES

    def together(self) -> pa.Table:
        try:
            return concatenated(self.tables)
        except pa.ArrowException as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"a column has different types in two directories ({reason})") from None


def merge(directories: Sequence[Path], out: Path, say: Callable[[str], None]) -> Merged:
    """Merge the results of directories into a directory, which may be one of them or have results already.

    For each cell and observation, a good row wins over an invalidated one, and this over a failed one. Of
    two good rows the one with more metrics wins, then the later started, and a line says how many there
    were. The order of the directories does not matter, and a second merge changes nothing. The directories
    themselves are not changed.

    The rows are written to large files, which replace those of ``out`` when all are complete. Rows in own
    files of cells in ``out`` are moved there. Cells that a run holds keep their files. Kept samples and
    records of runs are copied.

    Arguments:
        directories: Directories of results.
        out: Directory of the merged results.
        say: Function that receives a line for each file that is left out, and for rows that differ.

    Raises:
        UsageError: if there are no results in one of the directories.
        StorageError: if the files cannot be written.
    """
    sources = {path.resolve(): Store(path, warn=say) for path in directories}
    for store in sources.values():
        if not store.cell_files() and not store.merged.paths():
            raise UsageError(f"{store.directory}: no results there (expected {store.cells}/*.parquet)")
    target = Store(out, warn=say)
    with target.merged.locked():
        here = str(out.resolve())
        before = {path: _signature(path) for path in target.cell_files()}
        read = {path: _Source(store) for path, store in (sources | {out.resolve(): target}).items()}
        judged = [source.judged().assign(directory=str(path)) for path, source in read.items()]
        if not any(map(len, judged)):
            raise UsageError(f"merge: no file in {', '.join(map(str, directories))} can be read")
        won = winners(pd.concat([some for some in judged if len(some)], ignore_index=True), here, say)
        changed = bool(before) or won.changes(here)
        if changed:
            with target.merged.replaced(target.identity()) as new:
                taken = _write(read, won, new)
                for path in set(target.merged.paths()) - taken:  # a file that cannot be read
                    new.keep(path)
            for path in taken.intersection(before):  # its rows are in a large file now
                _remove_if_same(target, path, before[path])
        others = [store.directory for path, store in sources.items() if str(path) != here]
        _copy_samples(others, out, won)
        for source in others:
            _copy_records(source, out)
    return Merged(won.rows["cell"].nunique(), len(won.rows), changed)


def _write(sources: dict[Path, _Source], won: Winners, new: NewFiles) -> set[Path]:
    """Write the winning rows of each directory, those of a task whenever there are enough of them.

    Returns:
        Paths of the files whose rows were looked at.

    Raises:
        UsageError: if a column of a plug-in has different types in two directories.
    """
    taken: set[Path] = set()
    pending: dict[str | None, _Pending] = defaultdict(_Pending)
    for directory, source in sources.items():
        own = won.of(str(directory))
        for files, table in source.tables():
            taken.update(files)
            # Rows that a run has written since the winners were chosen are left for the next merge.
            table = table.filter(pa.array(within(table, own)))
            for reason, pairs in won.marks.items():
                table = marked(table, within(table, pairs), reason)
            for task in pc.unique(table["task"]).to_pylist():
                equal = pc.is_null(table["task"]) if task is None else pc.equal(table["task"], task)
                pending[task].add(table.filter(equal))
                if pending[task].is_large:
                    new.write(pending.pop(task).together())
    for some in pending.values():
        new.write(some.together())
    return taken


def _num_metrics(table: pa.Table) -> pa.Array:
    """Return the number of columns of metrics, a plug-in's included, in which each row has a finite value."""
    known = columns()
    found = pa.array([0] * len(table), pa.int64())
    for name in table.column_names:
        if name in known or name not in COLUMNS:
            values = table[name].combine_chunks()
            is_number = pa.types.is_floating(values.type)
            here = pc.fill_null(pc.is_finite(values), False) if is_number else pc.is_valid(values)
            found = pc.add(found, here.cast(pa.int64()))
    return found


def _signature(path: Path) -> Signature:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _remove_if_same(store: Store, path: Path, signature: Signature) -> None:
    """Remove a cell's own file, unless a run holds the cell or has written it since."""
    with claim(store.directory, path.stem, wait=False) as free, contextlib.suppress(FileNotFoundError):
        if free and _signature(path) == signature:
            path.unlink()


def _copy_records(source: Path, out: Path) -> None:
    """Copy the records of runs that the directory does not have."""
    for path in sorted((source / RECORDS).glob("[!.]*.yaml")):
        if path.is_file() and not (out / RECORDS / path.name).exists():
            _copy_file(path, out / RECORDS / path.name)


def _copy_file(path: Path, copy: Path) -> None:
    temporary = copy.with_name(f".{copy.name}.{uuid.uuid4().hex}.tmp")
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy2(path, temporary)
            replace(temporary, copy)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{copy} could not be written ({error.strerror or error})") from None


def _copy_samples(sources: Sequence[Path], out: Path, won: Winners) -> None:
    """Copy the kept samples of the winning rows."""
    folders = {source: SampleFiles(source).cells() for source in sources}
    sampled = set[str]().union(*folders.values())
    rows = won.rows[won.rows["cell"].isin(sampled) & won.rows["samples_sha256"].notna()]
    for cell, group in rows.groupby("cell"):
        fingerprints = dict(zip(group["num_observation"], group["samples_sha256"], strict=True))
        having = [source for source, cells in folders.items() if cell in cells]
        copy_samples(str(cell), fingerprints, having, out)
