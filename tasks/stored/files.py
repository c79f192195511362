"""Stored draws of a reference posterior, and the certificate that goes with them."""

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
    """The stored arrays of a task, float32: observations K, dimensions D of theta and E of x.

    Returns:
        ``draws`` (K, 10_000, D), ``true_theta`` (K, D) and ``observation`` (K, E).

    Raises:
        FileNotFoundError: naming the command that makes them.
    """
    path = FOLDER / f"{name}.npz"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; scorebench reference {name} makes it")
    with np.load(path, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def read_certificate(name: str) -> Certificate | None:
    """The certificate of a task's reference posterior, or None where none has been made yet."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def summary(certificate: Certificate | None, field: str) -> str:
    """One field of the certificate for a task's card, "none" where there is no certificate."""
    return "none" if certificate is None else str(certificate.get(field, "none"))


def fingerprint(name: str) -> str:
    """SHA-256 of the stored draws' file, hexadecimal: the certificate names the file that it is about."""
    return hashlib.sha256((FOLDER / f"{name}.npz").read_bytes()).hexdigest()


def write_reference(name: str, arrays: dict[str, np.ndarray], certificate: Certificate) -> None:
    """Write arrays (as float32) and certificate; each file is replaced whole, never left half written."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        data, text = Path(folder, "draws.npz"), Path(folder, "certificate.json")
        # Spelled out because mypy takes ** for the keyword allow_pickle.
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
