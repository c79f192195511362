"""Files with the draws from a reference posterior and with their certificate."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["fingerprint", "read_certificate", "read_reference", "summary", "write_reference"]

FOLDER = Path(__file__).parent

Certificate = dict[str, Any]


@lru_cache(maxsize=8)
def read_reference(name: str) -> dict[str, np.ndarray]:
    """The stored arrays of a task, float32.

    Arguments:
        name: Name of the task.

    Returns:
        ``draws`` (K, 10_000, D), ``true_theta`` (K, D) and ``observation`` (K, E) for K observations, D
        dimensions of theta and E of x.

    Raises:
        FileNotFoundError: if the file is missing; the message names the command that makes it.
    """
    path = FOLDER / f"{name}.npz"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; scorebench reference {name} makes it")
    with np.load(path, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def read_certificate(name: str) -> Certificate | None:
    """The certificate of a task's reference posterior, or None if it has not been made yet."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def summary(certificate: Certificate | None, field: str) -> str:
    """One field of the certificate as text for a task's card; "none" if there is no certificate."""
    return "none" if certificate is None else str(certificate.get(field, "none"))


def fingerprint(name: str) -> str:
    """SHA-256 of the file of stored draws, hexadecimal; the certificate names its file by this number."""
    return hashlib.sha256((FOLDER / f"{name}.npz").read_bytes()).hexdigest()


def write_reference(name: str, arrays: dict[str, np.ndarray], certificate: Certificate) -> None:
    """Write arrays (as float32) and certificate. Each file is replaced as a whole, never left half written.

    Arguments:
        name: Name of the task.
        arrays: Arrays ``draws``, ``true_theta`` and ``observation``, shaped as :func:`read_reference` says.
        certificate: Certificate of the draws; their SHA-256 is added to it.
    """
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        data, text = Path(folder, "draws.npz"), Path(folder, "certificate.json")
        # The arrays are passed one by one because mypy takes ** for the keyword allow_pickle.
        np.savez_compressed(
            data,
            draws=arrays["draws"].astype(np.float32),
            true_theta=arrays["true_theta"].astype(np.float32),
            observation=arrays["observation"].astype(np.float32),
        )
        full = certificate | {"sha256": hashlib.sha256(data.read_bytes()).hexdigest()}
        text.write_text(json.dumps(full, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(data, FOLDER / f"{name}.npz")
        os.replace(text, FOLDER / f"{name}.json")
    read_reference.cache_clear()
