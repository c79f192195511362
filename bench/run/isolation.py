"""Work in separate processes, so that work that crashes or hangs does not affect anything else."""

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


class OutOfTimeError(RuntimeError):
    """The process was stopped because it reached its time limit."""


class StoppedError(RuntimeError):
    """:func:`stop` was called before the work was done."""


def isolated(work: Callable[..., Result], *args: Any, workers: int, seconds: float | None = None) -> Result:
    """Return ``work(*args)``, computed in one of ``workers`` processes, which later calls use again.

    Arguments:
        work: Function of a module that can be imported.
        *args: Arguments of the function; they and its result must be picklable.
        workers: Number of processes. It counts only in the call that starts them.
        seconds: Time limit in seconds, after which the process is killed; None for no limit.

    Raises:
        DiedError: if the process ended without a result.
        OutOfTimeError: if the work was not done after ``seconds``.
        StoppedError: if :func:`stop` was called before the work was done.
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
    """Kill the processes at once, whatever they are doing."""
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
            # A worker of dask is a daemon, and Python forbids daemons to have children. Ours are safe,
            # because they end with their parent.
            multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
            # New processes are spawned, because a fork would copy torch's threads and locks in any state.
            arguments = [module, own_script()]
            _pool = ProcessPool(workers, context=_Context(), initializer=_begin, initargs=arguments)
            atexit.register(stop)
        return _pool


def _begin(module: str, script: Script | None) -> None:
    """Prepare a child process: ignore Ctrl-C and SIGTERM, end with the parent, import the slow modules.

    The parent reacts to Ctrl-C and SIGTERM for all its children.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # terminals and batch systems send them to all processes
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
