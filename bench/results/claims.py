"""One runner to a cell: a lock that the operating system releases when its holder ends, however it ends."""

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
    """Hold ``name`` in a directory; gives False, at once, where somebody else does and ``wait`` is not set.

    The lock's empty file stays: to remove it would let two hold locks of the same name.

    Raises:
        StorageError: where the lock's file cannot be made.
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
