"""Kept posterior samples: one ``DIR/samples/CELL.npz`` for each cell, written completely or not at all.

A file holds the arrays ``num_observation`` (K,), ``samples_sha256`` (K,), ``num_samples`` (K,) and, for each
observation k, the first samples of its row, ``samples_k`` (N, dim_theta), float32. ``samples_sha256`` is the
fingerprint of all samples of the row, not only of those that are kept. Samples belong to a row only if the
row has the same fingerprint.
"""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.errors import StorageError
from bench.results.directories import replace
from bench.results.schema import Row

__all__ = ["KeptSamples", "SampleFiles"]

FOLDER = "samples"
# What may be raised for a file with any content.
UNREADABLE: tuple[type[Exception], ...] = (OSError, ValueError, TypeError, KeyError, EOFError, MemoryError)
UNREADABLE += (NotImplementedError, zipfile.BadZipFile)


class KeptSamples(NamedTuple):
    """The first posterior samples of one row.

    Attributes:
        num_observation: Number of the observation.
        samples_sha256: Fingerprint of all samples of the row.
        samples: The first samples, ``(N, dim_theta)``, float32.
    """

    num_observation: int
    samples_sha256: str
    samples: np.ndarray


class SampleFiles:
    """The kept samples of a directory of results.

    Arguments:
        directory: Directory of results; the folder is created when the first samples are written.
    """

    def __init__(self, directory: Path) -> None:
        self.folder = directory / FOLDER

    def path(self, cell: str) -> Path:
        """Return the path of a cell's file, which need not exist."""
        return self.folder / f"{cell}.npz"

    def cells(self) -> set[str]:
        """Return the keys of the cells with samples."""
        try:
            names = os.listdir(self.folder)
        except OSError:
            return set()
        return {name.removesuffix(".npz") for name in names if name.endswith(".npz") and name[0] != "."}

    def read(self, cell: str, num_observation: int, samples_sha256: str | None) -> np.ndarray | None:
        """Return the samples kept for a row, ``(N, dim_theta)``, float32; None if there are none.

        Arguments:
            cell: Key of the cell.
            num_observation: Number of the observation.
            samples_sha256: Fingerprint in the row; samples with another one are not the row's.
        """
        with contextlib.suppress(*UNREADABLE), self._opened(cell) as file:
            if samples_sha256 is not None and _index(file).get(num_observation, ("", 0))[0] == samples_sha256:
                return _samples(file, num_observation)
        return None

    def missing(self, cell: str, rows: Mapping[int, Row], number: int) -> set[int]:
        """Return the observations of which fewer samples are kept than asked for.

        Arguments:
            cell: Key of the cell.
            rows: Good rows by observation, with ``samples_sha256`` and ``num_posterior_samples``.
            number: Number of samples asked for; a row that has fewer needs all of its own.
        """
        kept: dict[int, tuple[str, int]] = {}
        with contextlib.suppress(*UNREADABLE), self._opened(cell) as file:
            kept = _index(file)
        enough = {
            k
            for k, row in rows.items()
            if k in kept
            and kept[k][0] == row["samples_sha256"]
            and kept[k][1] >= min(number, row["num_posterior_samples"] or 0)
        }
        return set(rows) - enough

    def write(self, cell: str, new: Iterable[KeptSamples]) -> None:
        """Add samples to a cell's file, which replace those of the same observations.

        The caller holds the cell's claim. So only one process writes the file, and what a killed process has
        left under the temporary name is overwritten.

        Raises:
            StorageError: if the file cannot be written; the old file is then unchanged.
        """
        kept = self.read_all(cell) | {one.num_observation: one for one in new}
        arrays: dict[str, Any] = {
            "num_observation": np.array(sorted(kept), dtype=np.int64),
            "samples_sha256": np.array([kept[k].samples_sha256 for k in sorted(kept)], dtype="U64"),
            "num_samples": np.array([len(kept[k].samples) for k in sorted(kept)], dtype=np.int64),
        }
        arrays |= {_name(k): kept[k].samples.astype(np.float32, copy=False) for k in sorted(kept)}
        temporary = self.folder / f".{cell}.tmp"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                with temporary.open("wb") as file:
                    np.savez(file, **arrays)
                replace(temporary, self.path(cell))
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"{self.path(cell)} could not be written ({error.strerror or error}); earlier samples are "
                "kept: make room, then run the same command to resume"
            ) from None

    def read_all(self, cell: str) -> dict[int, KeptSamples]:
        """Return all samples of a cell by observation; a corrupt file holds none."""
        with contextlib.suppress(*UNREADABLE), self._opened(cell) as file:
            return {k: KeptSamples(k, sha256, _samples(file, k)) for k, (sha256, _) in _index(file).items()}
        return {}

    def _opened(self, cell: str) -> Any:
        path = self.path(cell)
        if not path.is_file():  # opening a pipe would wait for a writer
            raise FileNotFoundError(path)
        return np.load(path, allow_pickle=False)


def _index(file: Any) -> dict[int, tuple[str, int]]:
    """Return the fingerprint and the number of samples of each observation, without reading the samples."""
    columns = (file[name].tolist() for name in ("num_observation", "samples_sha256", "num_samples"))
    return {k: (sha256, number) for k, sha256, number in zip(*columns, strict=True)}


def _samples(file: Any, num_observation: int) -> np.ndarray:
    samples: np.ndarray = file[_name(num_observation)]
    if samples.ndim != 2 or samples.dtype != np.float32:
        raise ValueError(f"samples of shape {samples.shape} and type {samples.dtype}")
    return samples


def _name(num_observation: int) -> str:
    return f"samples_{num_observation}"
