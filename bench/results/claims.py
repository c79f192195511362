"""Locks that give each cell to one runner. The operating system releases a lock when its holder ends."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from bench.errors import StorageError
from bench.results.lease import Lease

__all__ = ["claim"]

FOLDER = ".locks"
PAUSE = 1.0  # seconds between two looks at the lease of another machine


@contextlib.contextmanager
def claim(directory: Path, name: str, wait: bool = True, *, leased: bool = False) -> Iterator[bool]:
    """Hold the lock ``name`` of a directory while the context lasts; the context gives whether it is held.

    The lock's empty file is not removed afterwards, because two processes could then hold the same lock.

    Arguments:
        directory: Directory of results.
        name: Name of the lock.
        wait: Whether to wait while another process holds the lock; otherwise the context gives False at once.
        leased: Whether to hold a lease too, for shared file systems whose locks do not reach other machines;
            see :mod:`bench.results.lease`.

    Raises:
        StorageError: if the lock's file cannot be created.
    """
    folder = directory / FOLDER
    lock = FileLock(folder / f"{name}.lock", timeout=-1 if wait else 0)
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            while True:
                lock.acquire()
                lease = Lease(folder / f"{name}.lease") if leased else None
                if lease is None or lease.taken():
                    break
                lock.release()
                if not wait:
                    raise Timeout(lock.lock_file)
                time.sleep(PAUSE)
        except Timeout:
            yield False
            return
        except OSError as error:
            lock.release()
            raise StorageError(f"{folder} could not be written ({error.strerror or error})") from None
        held.callback(lock.release)
        if lease is not None:
            held.enter_context(lease.kept())
        yield True
