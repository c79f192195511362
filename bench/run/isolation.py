"""Work in separate processes, so that work that crashes, hangs or changes global state affects nothing else.

Each process has its own pipe to the parent, which one thread at a time uses. What a process sends is plain
data: an exception is sent as text, so that no code of a plug-in runs in the parent. A process leads a process
group. When it ends, for whatever reason, the processes that its work has started end with it.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import itertools
import multiprocessing
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from bench.run.script import end_second_run
from bench.run.worker import DiedError, TimeIsUp, Worker

__all__ = ["DiedError", "FailedError", "OutOfTimeError", "StoppedError", "isolated", "stop"]

Result = TypeVar("Result")

STARTS = 3  # number of attempts to start a process that dies before it is ready


class FailedError(RuntimeError):
    """The work raised an error of a class of neither Python nor the suite; its text is the message."""


class OutOfTimeError(RuntimeError):
    """The process was stopped because it reached its time limit."""


class StoppedError(RuntimeError):
    """:func:`stop` was called before the work was done."""


def isolated(
    work: Callable[..., Result],
    *args: Any,
    workers: int,
    seconds: float | None = None,
    receive: Callable[[Any], None] | None = None,
    output: Path | None = None,
) -> Result:
    """Return ``work(*args)``, computed in one of ``workers`` processes, which later calls use again.

    A process is replaced by a new one after it has died, reached the limit, raised anything but an
    :class:`Exception`, or called :func:`bench.run.inside_worker.retire`.

    Arguments:
        work: Function of a module that can be imported.
        *args: Arguments of the function; they and its result must be picklable.
        workers: Number of processes. It counts only in the call that starts the first.
        seconds: Time limit in seconds, after which the process is killed; None for no limit.
        receive: Function that gets each part that the work passes to :func:`bench.run.inside_worker.report`,
            as soon as it comes.
        output: File to which the process appends what it prints from now on; None to change nothing.

    Raises:
        DiedError: if the process ended without a result, or if several ended while they started.
        FailedError: if the work raised an error that the parent cannot rebuild from plain data.
        OutOfTimeError: if the work was not done after ``seconds``.
        StoppedError: if :func:`stop` was called before the work was done.
    """
    pool = _the_pool(workers, work.__module__)
    task = pickle.dumps((work, args, seconds, None if output is None else str(output)))
    worker = pool.take()
    try:
        for _ in range(STARTS):
            if worker.send(task):
                break
            worker = pool.replace(worker)  # it was killed while it had nothing to do
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            try:
                message = worker.receive(until)
            except TimeIsUp:
                raise OutOfTimeError(f"not done after {seconds:g} s") from None
            if message.kind != "part":
                break
            if receive is not None:
                receive(message.value)
    except DiedError:
        pool.give_back(worker, again=False)
        if pool.stopped:
            raise StoppedError from None
        raise
    except BaseException:
        pool.give_back(worker, again=False)
        raise
    pool.give_back(worker, again=not message.last)
    if message.kind == "raised":
        raise _rebuilt(*message.value) from None
    result: Result = message.value
    return result


def stop() -> None:
    """Kill the processes at once, whatever they are doing."""
    global _pool
    with _lock:
        pool, _pool = _pool, None
    if pool is not None:
        pool.stop()


class _Pool:
    """The processes of this program: those at work, and those that wait for work."""

    def __init__(self, workers: int, module: str) -> None:
        self._module, self._free = module, workers
        self._idle: list[Worker] = []
        self._all: list[Worker] = []
        self._change = threading.Condition()
        self.stopped = False

    def take(self) -> Worker:
        """Return a process that is ready, when one of the pool's places is free."""
        with self._change:
            self._change.wait_for(lambda: self._free > 0 or self.stopped)
            if self.stopped:
                raise StoppedError
            self._free -= 1
            if self._idle:
                return self._idle.pop()
        try:
            return self._started()
        except BaseException:
            self._release()
            raise

    def replace(self, worker: Worker) -> Worker:
        """End a process and return a new one, which takes its place."""
        self._end(worker)
        return self._started()

    def give_back(self, worker: Worker, *, again: bool) -> None:
        """Free the place of a process, and end it unless it can be used again."""
        if not again:
            self._end(worker)
        self._release(worker if again else None)

    def stop(self) -> None:
        """End all processes; threads that wait for one get a StoppedError."""
        with self._change:
            self.stopped = True
            everyone = list(self._all)
            self._change.notify_all()
        for worker in everyone:
            worker.end()

    def _started(self) -> Worker:
        for attempt in itertools.count(1):
            with _starting:  # one at a time: a global function is replaced meanwhile
                worker = Worker(self._module)
            with self._change:
                self._all.append(worker)
            try:
                if not self.stopped:
                    worker.receive(None)
                    return worker
            except DiedError as error:
                if attempt == STARTS and not self.stopped:
                    raise DiedError(f"{error} while it started, {STARTS} times") from None
            self._end(worker)
            if self.stopped:
                raise StoppedError
        raise AssertionError  # for mypy, which does not know that the count has no end

    def _end(self, worker: Worker) -> None:
        worker.end()
        with self._change, contextlib.suppress(ValueError):
            self._all.remove(worker)

    def _release(self, idle: Worker | None = None) -> None:
        with self._change:
            self._free += 1
            if idle is not None:
                self._idle.append(idle)
            self._change.notify()


_pool: _Pool | None = None
_lock, _starting = threading.Lock(), threading.Lock()


def _the_pool(workers: int, module: str) -> _Pool:
    global _pool
    end_second_run()
    with _lock:
        if _pool is None:
            # A worker of dask is a daemon, and Python forbids daemons to have children. Ours are safe,
            # because they end with their parent.
            multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
            _pool = _Pool(workers, module)
            atexit.register(stop)
        return _pool


def _rebuilt(module: str, name: str, args: tuple[Any, ...], text: str) -> Exception:
    """Return the error of a process, as far as plain data tell.

    Arguments:
        module: Module of the error's class; empty for a class of a plug-in or another package.
        name: Name of the class.
        args: Its arguments, which are numbers and strings.
        text: Type and message, of which a :class:`FailedError` is made for want of the class.
    """
    with contextlib.suppress(Exception):
        error = getattr(importlib.import_module(module), name)(*args) if module else None
        if isinstance(error, Exception):
            return error
    return FailedError(text)
