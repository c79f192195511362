"""Kept samples of merged directories: those that belong to the rows, from whichever directory has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.results.sample_files import SampleFiles

__all__ = ["copy_samples"]


def copy_samples(cell: str, fingerprints: Mapping[int, str], sources: Sequence[Path], out: Path) -> None:
    """Copy the samples of a cell's rows into a directory, which may have some of them.

    Of samples of the same row, the most are kept. The caller holds the cell's claim, or the directory.

    Arguments:
        cell: Key of the cell.
        fingerprints: ``samples_sha256`` of the rows by observation.
        sources: Directories that may have samples of the cell.
        out: Directory to copy to.

    Raises:
        StorageError: if the file cannot be written; an old file is then unchanged.
    """
    target = SampleFiles(out)
    there = target.read_all(cell)
    best = dict(there)
    for source in sources:
        for k, one in SampleFiles(source).read_all(cell).items():
            wanted, old = fingerprints.get(k), best.get(k)
            num_old = len(old.samples) if old is not None and old.samples_sha256 == wanted else 0
            if one.samples_sha256 == wanted and len(one.samples) > num_old:
                best[k] = one
    new = [one for k, one in best.items() if one is not there.get(k)]
    if new:
        target.write(cell, new)
