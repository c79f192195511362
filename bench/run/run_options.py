"""The options of a run, which say where and for how long cells run."""

from __future__ import annotations

from dataclasses import dataclass

from bench.run.backends import Backend

__all__ = ["WAITING", "RunOptions"]

WAITING = 2  # runs that wait for cells of others, where all others leave


@dataclass(frozen=True)
class RunOptions:
    """Options for running cells.

    Arguments:
        jobs: Number of cells that run at a time.
        cell_timeout: Seconds after which a cell is stopped and its rows get ``status=timeout``; None for no
            limit.
        backend: Name of the backend, see :func:`bench.run.backends.backend`.
        address: Address of a cluster; None for none.
        leave_held: Whether to leave cells that other runs hold to them, once ``WAITING`` runs wait for these.
        redo: Whether to run cells that are done, too. New rows replace old ones when they are written.
    """

    jobs: int = 1
    cell_timeout: float | None = None
    backend: Backend = "local"
    address: str | None = None
    leave_held: bool = False
    redo: bool = False
