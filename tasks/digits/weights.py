"""Stored weights of the generators and the classifier, read only if their SHA-256 is as expected."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from tasks.digits.perceptron import Weights

__all__ = ["SHA256", "read_weights", "write_weights"]

FOLDER = Path(__file__).parent
# The hashes are part of the code because other weights define another task: its version then has to be
# increased and its reference made again.
SHA256 = {
    "classifier": "15b561b6c9b52355d59469ccc268308488e036c736f9f1a124bc8d40b91eb85f",
    "flow_8": "f411ce69e029d5053f572cfa349851997cc4ba60937027f826bf1fa90136ba7f",
    "vae_2": "492c5820bddbd2beab2e33a6abc09a9d20c4289a5e7caf926771b77d82504269",
    "vae_8": "3e1405f0ac82b67bb7afa6d385f69db2f3f935d21ea4d750b3f6c08e9a5444dc",
}


@lru_cache
def read_weights(name: str) -> Weights:
    """The stored weights of a network, float64. The result is shared and must not be changed.

    Raises:
        FileNotFoundError: if the file is missing; the message names the command that makes it.
        ValueError: if the file's SHA-256 is not the one in ``SHA256``, or if it contains pickled objects.
    """
    path = FOLDER / f"{name}.npz"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; python -m tasks.digits.train {name} makes it")
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256[name]:
        raise ValueError(f"{path} has SHA-256 {found}, not {SHA256[name]}")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        weights = {key: torch.from_numpy(arrays[key]).double() for key in arrays.files}
    return MappingProxyType(weights)


def write_weights(name: str, weights: Mapping[str, Tensor]) -> str:
    """Store the weights of a network as float32 and return the file's SHA-256, hexadecimal."""
    path = FOLDER / f"{name}.npz"
    arrays = {key: value.detach().float().numpy() for key, value in weights.items()}
    # mypy takes ** for the keyword allow_pickle; float32 arrays need no pickling.
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    read_weights.cache_clear()
    return hashlib.sha256(path.read_bytes()).hexdigest()
