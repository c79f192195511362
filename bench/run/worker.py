"""A process that waits for work, as its parent sees it: what it sends, why it died, and how it is ended."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
import threading
import time
from multiprocessing import resource_tracker, spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, NamedTuple

from bench.run.carried import carried
from bench.run.inside_worker import serve
from bench.run.script import own_script

__all__ = ["DiedError", "Message", "TimeIsUp", "Worker"]

POLL = 0.5  # seconds after which a silent process is looked at: its children may keep the pipe open
GRACE = 1.0  # seconds that the children of a process have to end after SIGTERM

_prepare = spawn.get_preparation_data


class _Process(SpawnProcess):
    """A process in which :func:`bench.run.script.run_again`, not multiprocessing, runs the main module."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802  (its name in multiprocessing)
        spawn.get_preparation_data = lambda name: {
            key: value for key, value in _prepare(name).items() if not key.startswith("init_main")
        }
        try:
            return SpawnProcess._Popen(process_obj)
        finally:
            spawn.get_preparation_data = _prepare


class _Context(SpawnContext):
    Process = _Process


class DiedError(RuntimeError):
    """The process ended without a result: by a segmentation fault, for lack of memory, or by a kill."""


class Message(NamedTuple):
    """What a process sends.

    Attributes:
        kind: ``ready``, ``part``, ``result`` or ``raised``.
        value: The part or the result; for an error, what :func:`bench.run.isolation.isolated` makes one of.
        last: Whether the process must not be used again.
    """

    kind: str
    value: Any = None
    last: bool = False


class TimeIsUp(Exception):  # noqa: N818  (it is no error, and never leaves this module)
    """A process was silent until the given time."""


class Worker:
    """A process that waits for work, as the parent sees it."""

    def __init__(self, module: str) -> None:
        context = _Context()
        self._pipe, there = context.Pipe()
        self._process = context.Process(
            target=serve, args=(there, module, own_script(), carried()), name="scorebench worker"
        )
        self._ending = threading.Lock()
        _start_tracker()
        with contextlib.suppress(BrokenPipeError):  # it was killed before it had read what it is to do
            self._process.start()
        there.close()

    def send(self, task: bytes) -> bool:
        """Send work; return False if the process is dead."""
        try:
            self._pipe.send_bytes(task)
        except OSError:
            return False
        return True

    def receive(self, until: float | None) -> Message:
        """Return the next message.

        Arguments:
            until: Time, as of :func:`time.monotonic`, at which to stop waiting; None for never.

        Raises:
            DiedError: if the process has ended.
            TimeIsUp: if nothing came in time.
        """
        while True:
            left = POLL if until is None else min(POLL, until - time.monotonic())
            try:
                if self._pipe.poll(max(left, 0.0)):
                    return Message(*pickle.loads(self._pipe.recv_bytes()))  # noqa: S301  (of our child)
                if not self._process.is_alive() and not self._pipe.poll(0):
                    raise EOFError
            except (EOFError, OSError):
                if self._process.pid is not None:  # the pipe may be closed a moment before the process ends
                    self._process.join(GRACE)
                raise DiedError(f"its process died ({self._cause()})") from None
            if left <= 0:
                raise TimeIsUp

    def end(self) -> None:
        """Kill the process, and the processes that it has started. A second call does nothing."""
        with self._ending:
            pid = self._process.pid
            if pid is None or self._pipe.closed:  # it did not start, or was ended before
                self._pipe.close()
                return
            if not hasattr(os, "killpg"):
                _kill_tree(pid)
                self._process.join()
            else:
                # Its children get SIGTERM first: joblib's resource tracker then removes shared memory.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
                    os.killpg(pid, signal.SIGTERM)
                self._process.join()
                _end_group(pid)
            self._pipe.close()

    def _cause(self) -> str:
        status = self._process.exitcode
        if status is None:
            return "it did not start" if self._process.pid is None else "it closed its connection"
        if status >= 0:
            return f"exit status {status}"
        name = signal.Signals(-status).name
        return f"{name}, perhaps no memory left" if name == "SIGKILL" else name


def _start_tracker() -> None:
    """Start the process that removes the semaphores of processes that were killed, if there is none.

    It is started so that it does not warn about them: processes are killed on purpose here.
    """
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.pop()


def _kill_tree(pid: int) -> None:
    """Kill a process and its descendants, on a system without process groups."""
    import psutil  # it cannot be imported everywhere

    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.Error):
                one.kill()


def _end_group(leader: int) -> None:
    """Kill what is left of a process group after ``GRACE``."""
    end = time.monotonic() + GRACE
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < end:
            os.killpg(leader, 0)  # raises an error once the group is empty
            time.sleep(0.01)
        os.killpg(leader, signal.SIGKILL)
