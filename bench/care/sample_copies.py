"""Kept samples of merged directories: those that belong to the rows, from whichever directory has them.

A file ``DIR/samples/CELL.npz`` holds the arrays ``num_observation`` (K,), ``samples_sha256`` (K,) and
``num_samples`` (K,) and, for each observation k, ``samples_k`` (N, dim_theta). ``samples_sha256`` is the
fingerprint of the row that the samples belong to.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import StorageError
from bench.results.directories import replace

__all__ = ["copy_file", "copy_samples", "sampled_cells", "samples_file"]

FOLDER = "samples"
INDEX = ("num_observation", "samples_sha256", "num_samples")
# What may be raised for a file with any content.
UNREADABLE = (OSError, ValueError, TypeError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile)
Kept = dict[int, tuple[str, int, np.ndarray]]  # fingerprint, number and samples by observation


def samples_file(directory: Path, cell: str) -> Path:
    """Return the path of the kept samples of a cell, which need not exist."""
    return directory / FOLDER / f"{cell}.npz"


def sampled_cells(directory: Path) -> set[str]:
    """Return the keys of the cells with kept samples."""
    try:
        names = os.listdir(directory / FOLDER)
    except OSError:
        return set()
    return {name.removesuffix(".npz") for name in names if name.endswith(".npz") and name[0] != "."}


def copy_samples(cell: str, fingerprints: Mapping[int, str], sources: Sequence[Path], out: Path) -> None:
    """Copy the samples of a cell's rows into a directory, which may have some of them.

    Arguments:
        cell: Key of the cell.
        fingerprints: ``samples_sha256`` of the rows by observation.
        sources: Directories that may have samples of the cell.
        out: Directory to copy to.

    Raises:
        StorageError: if the file cannot be written; an old file is then unchanged.
    """
    target = samples_file(out, cell)
    paths = [path for path in (samples_file(source, cell) for source in sources) if path.is_file()]
    if not paths:
        return
    if not target.exists() and len(paths) == 1:
        copy_file(paths[0], target)
        return
    kept = _read(target)
    before = set(kept)
    for path in paths:
        for number, one in _read(path).items():
            wanted = fingerprints.get(number)
            fits = number in kept and kept[number][0] == wanted
            if one[0] == wanted and (not fits or one[1] > kept[number][1]):
                kept[number] = one
                before.discard(number)
    if set(kept) - before:
        _write(target, kept)


def copy_file(path: Path, copy: Path) -> None:
    """Copy a file, completely or not at all.

    Raises:
        StorageError: if the copy cannot be written.
    """
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


def _read(path: Path) -> Kept:
    """Return the samples in a file; there are none in a corrupt file, or if there is no file."""
    with contextlib.suppress(*UNREADABLE):
        if path.is_file():  # opening a pipe would wait for a writer
            with np.load(path, allow_pickle=False) as file:
                columns = (file[name].tolist() for name in INDEX)
                return {
                    k: (sha256, number, file[f"samples_{k}"])
                    for k, sha256, number in zip(*columns, strict=True)
                }
    return {}


def _write(path: Path, kept: Kept) -> None:
    arrays: dict[str, Any] = {f"samples_{k}": samples for k, (_, _, samples) in kept.items()}
    numbers = sorted(kept)
    arrays["num_observation"] = np.array(numbers, dtype=np.int64)
    arrays["samples_sha256"] = np.array([kept[k][0] for k in numbers], dtype="U64")
    arrays["num_samples"] = np.array([kept[k][1] for k in numbers], dtype=np.int64)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        try:
            with temporary.open("wb") as file:
                np.savez(file, **arrays)
            replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{path} could not be written ({error.strerror or error})") from None
