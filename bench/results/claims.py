"""Locks that give each cell to one runner. The operating system releases a lock when its holder ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from bench.errors import StorageError

__all__ = ["claim"]

FOLDER = ".locks"


@contextlib.contextmanager
def claim(directory: Path, name: str, wait: bool = True) -> Iterator[bool]:
    """Hold the lock ``name`` of a directory while the context lasts; the context gives whether it is held.

    The lock's empty file is not removed afterwards, because two processes could then hold the same lock.

    Arguments:
        directory: Directory of results.
        name: Name of the lock.
        wait: Whether to wait while another process holds the lock; otherwise the context gives False at once.

    Raises:
        StorageError: if the lock's file cannot be created.
    """
    folder = directory / FOLDER
    lock = FileLock(folder / f"{name}.lock", timeout=-1 if wait else 0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        yield False
        return
    except OSError as error:
        raise StorageError(f"{folder} could not be written ({error.strerror or error})") from None
    try:
        yield True
    finally:
        lock.release()
