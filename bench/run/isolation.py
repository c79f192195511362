"""Work in a process of its own, so that one that dies or hangs takes nothing else with it."""

from __future__ import annotations

import atexit
import importlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, TimeoutError
from multiprocessing import spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

from bench.run.script import Script, end_second_run, own_script, run_again

__all__ = ["DiedError", "OutOfTimeError", "StoppedError", "isolated", "stop"]

Result = TypeVar("Result")

_pool: ProcessPool | None = None
_lock = threading.Lock()


_prepare = spawn.get_preparation_data


class _Process(SpawnProcess):
    """One that leaves the main module to :func:`bench.run.script.run_again`."""

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
    """The process ended without a result: a segmentation fault, no memory left, a kill."""


class OutOfTimeError(RuntimeError):
    """The process was stopped after the time it had."""


class StoppedError(RuntimeError):
    """:func:`stop` came first."""


def isolated(work: Callable[..., Result], *args: Any, workers: int, seconds: float | None = None) -> Result:
    """``work(*args)`` in one of ``workers`` processes that are kept for the next.

    Arguments:
        work: A function of a module that can be imported.
        *args: Its arguments; they and the result go from process to process.
        workers: How many may run at a time; a second call's number is not looked at.
        seconds: After which the process is killed; None for no limit.

    Raises:
        DiedError: where the process ended without a result.
        OutOfTimeError: after ``seconds``.
        StoppedError: where :func:`stop` came first.
    """
    future = _processes(workers, work.__module__).schedule(work, args=list(args), timeout=seconds)
    try:
        return future.result()
    except TimeoutError:
        raise OutOfTimeError(f"not done after {seconds:g} s") from None
    except ProcessExpired as error:
        raise DiedError(f"its process died ({_cause(error.exitcode)})") from None
    except CancelledError:
        raise StoppedError from None


def stop() -> None:
    """Kill the processes at once, with what they do."""
    global _pool
    with _lock:
        pool, _pool = _pool, None
    if pool is not None:
        pool.stop()
        pool.join()


def _processes(workers: int, module: str) -> ProcessPool:
    global _pool
    end_second_run()
    with _lock:
        if _pool is None:
            # A worker of dask is a daemon, which Python forbids children; these end with their parent.
            multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
            # A fork would copy torch's threads and locks in whatever state they are.
            arguments = [module, own_script()]
            _pool = ProcessPool(workers, context=_Context(), initializer=_begin, initargs=arguments)
            atexit.register(stop)
        return _pool


def _begin(module: str, script: Script | None) -> None:
    """In the child: import what takes seconds, leave Ctrl-C and SIGTERM to the parent, do not outlive it."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a terminal or a batch system sends them to all
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    importlib.import_module(module)
    if script is not None:
        run_again(script)


def _cause(status: int | None) -> str:
    if status is None or status >= 0:
        return f"exit status {status}"
    name = signal.Signals(-status).name
    return f"{name}, perhaps no memory left" if name == "SIGKILL" else name
