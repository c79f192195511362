"""Backends that run cells: processes on this machine, or the workers of a dask or ray cluster."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Literal
from urllib.parse import urlsplit

from joblib import parallel_config

from bench.errors import UsageError
from bench.run.script import GUARD

__all__ = ["BACKENDS", "Backend", "Placed", "backend"]

RAY_ONLY_HERE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # ray's name of a variable that holds on any system
CONNECT = 20  # seconds to wait for a connection to a scheduler

Backend = Literal["local", "sequential", "dask", "ray"]
Job = Callable[..., Any]
Placed = Callable[[Job], Job]  # wraps a job into the function that joblib calls instead of it


def _unchanged(job: Job) -> Job:
    return job


@contextlib.contextmanager
def _local(jobs: int, address: str | None) -> Iterator[Placed]:
    # Each thread only waits for a process of :mod:`bench.run.isolation`.
    with parallel_config(backend="threading", n_jobs=jobs):
        yield _unchanged


@contextlib.contextmanager
def _sequential(jobs: int, address: str | None) -> Iterator[Placed]:
    with parallel_config(backend="sequential", n_jobs=1):
        yield _unchanged


@contextlib.contextmanager
def _dask(jobs: int, address: str | None) -> Iterator[Placed]:
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(
            "backend = 'dask': the package distributed is missing; pip install scorebench[dask]"
        ) from None
    # By default, the web page of a scheduler on this machine can be read from anywhere.
    own = {} if address else {"dashboard_address": "127.0.0.1:8787"}
    try:
        client = Client(address, timeout=f"{CONNECT}s", **own)
    except (OSError, ValueError, TypeError) as error:  # TypeError: tls:// without a certificate
        raise UsageError(f"address = '{address}': no dask scheduler there ({error})") from None
    except RuntimeError as error:  # a scheduler on this machine whose workers end at once
        raise UsageError(f"backend = 'dask': {error} If this is a script, {GUARD}") from None
    with client, parallel_config(backend="dask", n_jobs=jobs):
        yield _unchanged


@contextlib.contextmanager
def _ray(jobs: int, address: str | None) -> Iterator[Placed]:
    address = address or os.environ.get("RAY_ADDRESS")
    with _ray_here(address is None):
        try:
            import ray
        except ImportError:
            raise UsageError(
                "backend = 'ray': the package ray is missing; pip install scorebench[ray]"
            ) from None
        try:
            if address and address != "auto":
                # Ray itself would keep trying for minutes.
                there = urlsplit("//" + address.removeprefix("ray://"))
                socket.create_connection((there.hostname, there.port), CONNECT).close()
            # By default, ray's workers leave the cores to all other programs.
            own = {} if address else {"include_dashboard": False, "_system_config": {"worker_niceness": 0}}
            ray.init(address or "local", log_to_driver=False, logging_level="error", **own)
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise UsageError(f"address = '{address}': no ray cluster there ({error})") from None

    def remote(job: Job) -> Job:
        there = ray.remote(job)
        return lambda *arguments: ray.get(there.remote(*arguments))

    # Ray's own backend for joblib returns no result before all are complete. Threads that wait for one
    # result each, as on one machine, return each at once. Ray repeats a job if its worker dies.
    try:
        with parallel_config(backend="threading", n_jobs=jobs):
            yield remote
    finally:
        ray.shutdown()


@contextlib.contextmanager
def _ray_here(alone: bool) -> Iterator[None]:
    """Return a context in which ray may be started.

    Ray replaces the handler of SIGTERM, which is restored.

    Arguments:
        alone: Whether ray starts a cluster on this machine. It then listens on the loopback interface only,
            as it does by default on macOS and Windows.
    """
    handler, main = (
        signal.getsignal(signal.SIGTERM),
        threading.current_thread() is threading.main_thread(),
    )
    with contextlib.ExitStack() as stack:
        if alone:
            before = os.environ.get(RAY_ONLY_HERE)
            os.environ[RAY_ONLY_HERE] = "0"
            stack.callback(_set_variable, RAY_ONLY_HERE, before)
            with contextlib.suppress(ImportError):  # it has read the variable if it was imported before
                from ray._private import ray_constants

                stack.callback(setattr, ray_constants, "ENABLE_RAY_CLUSTER", ray_constants.ENABLE_RAY_CLUSTER)
                ray_constants.ENABLE_RAY_CLUSTER = False
        if main:
            stack.callback(signal.signal, signal.SIGTERM, handler)
        yield


def _set_variable(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


BACKENDS: dict[str, Callable[[int, str | None], AbstractContextManager[Placed]]] = {
    "local": _local,
    "sequential": _sequential,
    "dask": _dask,
    "ray": _ray,
}


def backend(name: Backend, jobs: int, address: str | None = None) -> AbstractContextManager[Placed]:
    """Return a context in which :class:`joblib.Parallel` runs jobs on the backend.

    The context gives a function; every job must be wrapped by it before joblib receives it.

    Arguments:
        name: Name of the backend: ``local`` for processes on this machine, ``sequential`` for this very
            process (as a debugger needs it), ``dask`` or ``ray`` for a cluster.
        jobs: Number of cells that run at a time.
        address: Address of the cluster's scheduler; None makes dask and ray start one on this machine.

    Raises:
        UsageError: if the package is not installed or the cluster cannot be reached.
    """
    return BACKENDS[name](jobs, address)
