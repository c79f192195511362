"""Where cells run: processes of this machine, or the workers of a dask or ray cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Literal

from joblib import parallel_config

from bench.errors import UsageError

__all__ = ["BACKENDS", "Backend", "backend"]

CONNECT = "20s"  # to a scheduler

Backend = Literal["local", "sequential", "dask", "ray"]


@contextlib.contextmanager
def _local(jobs: int, address: str | None) -> Iterator[None]:
    # Threads that wait, each for a process of :mod:`bench.isolation`.
    with parallel_config(backend="threading", n_jobs=jobs):
        yield


@contextlib.contextmanager
def _sequential(jobs: int, address: str | None) -> Iterator[None]:
    with parallel_config(backend="sequential", n_jobs=1):
        yield


@contextlib.contextmanager
def _dask(jobs: int, address: str | None) -> Iterator[None]:
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(
            "backend = 'dask': the package distributed is missing; pip install scorebench[dask]"
        ) from None
    try:
        client = Client(address, timeout=CONNECT)
    except (OSError, ValueError) as error:
        raise UsageError(f"address = '{address}': no dask scheduler there ({error})") from None
    with client, parallel_config(backend="dask", n_jobs=jobs):
        yield


@contextlib.contextmanager
def _ray(jobs: int, address: str | None) -> Iterator[None]:
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError:
        raise UsageError("backend = 'ray': the package ray is missing; pip install scorebench[ray]") from None
    try:
        ray.init(address, ignore_reinit_error=True, log_to_driver=False)
    except (ConnectionError, ValueError) as error:
        raise UsageError(f"address = '{address}': no ray cluster there ({error})") from None
    register_ray()
    with parallel_config(backend="ray", n_jobs=jobs):
        yield


BACKENDS: dict[str, Callable[[int, str | None], AbstractContextManager[None]]] = {
    "local": _local,
    "sequential": _sequential,
    "dask": _dask,
    "ray": _ray,
}


def backend(name: Backend, jobs: int, address: str | None = None) -> AbstractContextManager[None]:
    """A context in which :class:`joblib.Parallel` works there.

    Arguments:
        name: ``local``; ``sequential``, in this very process, for a debugger; ``dask`` or ``ray``.
        jobs: Cells at a time.
        address: Of the scheduler; where it is None, dask and ray start one on this machine.

    Raises:
        UsageError: where the package or the cluster is missing.
    """
    return BACKENDS[name](jobs, address)
