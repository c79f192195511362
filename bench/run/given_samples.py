"""Files of posterior samples that were made elsewhere: which there are, and what is refused."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor

from bench.answers.checked_task import AnswerError, as_floats
from bench.errors import UsageError
from bench.results.directories import read_regular

__all__ = ["files_by_observation", "read_samples"]

KINDS = (".npz", ".npy", ".csv")
ARRAY = "samples"  # name of the array in an npz file with several
FEWEST = 100  # samples: from fewer, a C2ST says little
MOST_BYTES = 2**31
# What may be raised for a file with any content, which includes pickled objects.
UNREADABLE = (ValueError, TypeError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError)


def files_by_observation(path: Path, name: str, observations: Collection[int]) -> dict[int, Path]:
    """Return the files to score by observation.

    Arguments:
        path: File of one observation, or folder of files ``NAME_OBSERVATION.npz``, ``.npy`` or ``.csv``.
        name: The name in the names of the files.
        observations: Observations asked for; exactly one for a file, and by default all files of a folder.

    Raises:
        UsageError: if there is no such file, or it is not clear which observation a file is of.
    """
    if not path.is_dir():
        if len(observations) != 1:
            raise UsageError(f"samples {path}: one file is of one observation; name it by --observation")
        return {next(iter(observations)): path}
    found: dict[int, Path] = {}
    kinds = "|".join(re.escape(kind) for kind in KINDS)
    for file in sorted(path.iterdir()):
        match = re.fullmatch(rf"{re.escape(name)}_([0-9]{{1,9}})(?:{kinds})", file.name)
        if match is None:
            continue
        if int(match[1]) in found:
            raise UsageError(
                f"samples: {found[int(match[1])]} and {file.name} are both of observation {int(match[1])}"
            )
        found[int(match[1])] = file
    scheme = f"{name}_OBSERVATION with {', '.join(KINDS)}"
    if not found:
        raise UsageError(f"samples {path}: no file in this folder is named {scheme}")
    missing = sorted(set(observations) - set(found))
    if missing:
        raise UsageError(f"samples {path}: no file of observation {missing[0]} is named {scheme}")
    return {k: file for k, file in sorted(found.items()) if not observations or k in observations}


def read_samples(path: Path, dim_theta: int) -> Tensor:
    """Return the samples in a file, ``(N, dim_theta)``, float32.

    An npz file holds one array, or one that is named ``samples``. A CSV file has one sample in each line, and
    may begin with a line of names.

    Arguments:
        path: File whose name ends with ``.npz``, ``.npy`` or ``.csv``.
        dim_theta: Number of parameters of the task.

    Raises:
        UsageError: if the file cannot be read, or the samples have another shape, are not finite or are fewer
            than ``FEWEST``.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise UsageError(f"samples {path}: the name of the file ends with none of {', '.join(KINDS)}")
    try:
        content = read_regular(path, MOST_BYTES)
        values = _table(content) if kind == ".csv" else _array(content, path)
        samples = as_floats(values, (None, dim_theta), f"samples: {path}")
    except OSError as error:
        raise UsageError(f"samples {path}: {error.strerror or error}") from None
    except AnswerError as error:
        raise UsageError(str(error)) from None
    except UNREADABLE:  # numpy's own message would advise to unpickle
        raise UsageError(f"samples {path}: not a sound {kind} file of numbers") from None
    bad = int((~samples.isfinite().all(dim=1)).sum())
    if bad:
        raise UsageError(f"samples {path}: {bad} of {len(samples)} rows are not finite as float32")
    if len(samples) < FEWEST:
        raise UsageError(f"samples {path}: {len(samples)} rows, at least {FEWEST} are needed")
    return samples


def _array(content: bytes, path: Path) -> np.ndarray:
    found = np.load(io.BytesIO(content), allow_pickle=False)
    if isinstance(found, np.ndarray):
        return found
    with found as arrays:
        names = list(arrays.files)
        if len(names) != 1 and ARRAY not in names:
            raise UsageError(f"samples {path}: it holds {len(names)} arrays, none of which is named {ARRAY}")
        array: np.ndarray = arrays[ARRAY if ARRAY in names else names[0]]
        return array


def _table(content: bytes) -> np.ndarray:
    first = content.partition(b"\n")[0].decode("utf-8").strip().split(",")
    table = pd.read_csv(io.BytesIO(content), header=0 if _are_names(first) else None)
    return table.to_numpy()


def _are_names(entries: list[str]) -> bool:
    """Whether the first line of a CSV file holds names; pandas numbers columns without names from 0."""
    if len(entries) > 1 and entries == [str(k) for k in range(len(entries))]:
        return True
    try:
        for entry in entries:
            float(entry)
    except ValueError:
        return True
    return False
