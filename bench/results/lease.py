"""Leases: files that the holder of a claim touches, so that other machines see that it lives.

On some shared file systems, a lock excludes only processes of the same machine. The holder of a cell
therefore keeps a file next to the lock, which names its machine and is touched every few seconds. A process
of another machine takes the cell only if that file has not been touched for ``LAPSE`` seconds. On the
holder's own machine the lock alone decides, and so it does for another start of the same SLURM job, which
SLURM makes after the first has ended.

All ages are by the clock of the file system, so that clocks of machines may differ.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from bench.results.directories import replace

__all__ = ["LAPSE", "Lease"]

REFRESH = 20.0  # seconds between touches
LAPSE = 180.0  # seconds after which a holder counts as dead: NFS may show times that are a minute old
MOST = 10_000  # bytes of a lease that are read


class Lease:
    """A lease file, for a process that holds the lock of the same name.

    Arguments:
        path: Path of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def taken(self) -> bool:
        """Take the lease and return True; return False if a process of another machine may still hold it.

        Raises:
            OSError: if the file cannot be written.
        """
        own = holder()
        temporary = self.path.with_name(f".{self.path.name}.{own['machine']}.{os.getpid()}.tmp")
        try:
            temporary.write_text(json.dumps(own), encoding="utf-8")
            if self._is_of_another(own, now=temporary.stat().st_mtime):
                return False
            if self.path.exists():  # that of a dead holder
                replace(temporary, self.path)
            else:
                os.link(temporary, self.path)  # fails if another machine is quicker
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        return True

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Return a context in which the lease is touched regularly; afterwards it is given back."""
        ended = threading.Event()

        def touch() -> None:
            while not ended.wait(REFRESH):
                with contextlib.suppress(OSError):
                    os.utime(self.path)

        thread = threading.Thread(target=touch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            with contextlib.suppress(OSError, ValueError):
                if json.loads(self.path.read_bytes()) == holder():  # not if it has lapsed meanwhile
                    self.path.unlink()

    def _is_of_another(self, own: dict[str, str], now: float) -> bool:
        try:
            with self.path.open("rb") as file:  # opening asks a file server for the present times
                touched, text = os.fstat(file.fileno()).st_mtime, file.read(MOST)
        except OSError:
            return False
        if now - touched > LAPSE:
            return False
        with contextlib.suppress(ValueError, AttributeError, RecursionError):
            other = json.loads(text)
            if other.get("machine") == own["machine"]:
                return False
            return not (own["job"] and other.get("job") == own["job"])
        return True


def holder() -> dict[str, str]:
    """Return what identifies this process: its machine, its number, and its SLURM job if it runs in one."""
    number = os.environ.get("SLURM_ARRAY_JOB_ID") or os.environ.get("SLURM_JOB_ID", "")
    job = f"{number}_{os.environ.get('SLURM_ARRAY_TASK_ID', '')}" if number else ""
    return {"machine": socket.gethostname(), "process": str(os.getpid()), "job": job}
