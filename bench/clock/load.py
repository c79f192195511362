"""The load of other programs on the machine, which decides whether a time counts as ``exclusive``."""

from __future__ import annotations

import importlib
import multiprocessing
import time
from typing import Any

from bench.results.schema import Row

__all__ = ["LIMIT", "foreign_load", "load_columns"]

LIMIT = 0.5  # cores: above this load of other programs, a time counts as shared
WINDOW_S = 0.2  # twenty ticks of the system's counters, which count hundredths of a second
FRESH_S = 1.0
IDLE = ("idle", "iowait", "guest", "guest_nice")  # the system counts guests as user time too

try:
    psutil: Any = importlib.import_module("psutil")
except ImportError:  # on a system that lacks what psutil needs, no load is known
    psutil = None

_latest: tuple[float, float | None] | None = None  # time and value of the latest reading


def foreign_load() -> float | None:
    """Return the number of cores that other programs keep busy, averaged over 0.2 s of sleep.

    The load is the busy time of the cores that this process may run on, minus the processor time of the run
    itself (this process, the runner that started it, and all their descendants). On a system without
    affinity, all cores count. Time stolen by other virtual machines counts as busy. In a container the cores
    are the host's, so other containers on these cores count. A reading less than a second old is used again.

    Returns:
        Number of cores, at least 0; None if the system's counters may not be read.
    """
    global _latest
    now = time.monotonic()
    if _latest is None or now - _latest[0] > FRESH_S:
        load = _measured()
        _latest = (time.monotonic(), load)
    return _latest[1]


def load_columns(row: Row) -> Row:
    """Return the columns ``foreign_load`` and ``timing`` of a row, measured before its next timed call.

    The largest load before any of the row's timed calls counts; above ``LIMIT`` the row is ``shared``. The
    load is not measured for a row that is ``shared`` because other cells of its run are running at the same
    time; the result is then empty.

    Arguments:
        row: Row with the columns ``timing`` and ``foreign_load`` so far.
    """
    if row["timing"] == "shared" and row["foreign_load"] is None:
        return {}
    known = [load for load in (row["foreign_load"], foreign_load()) if load is not None]
    if not known:
        return {}
    return {"foreign_load": max(known), "timing": "shared" if max(known) > LIMIT else "exclusive"}


def _measured() -> float | None:
    if psutil is None:
        return None
    try:
        start, busy, own = time.monotonic(), _busy_s(), _own_s()
        time.sleep(WINDOW_S)
        seconds, busy, own = time.monotonic() - start, _busy_s() - busy, _own_s() - own
    except (OSError, psutil.Error):
        return None
    return max(busy - own, 0.0) / seconds


def _busy_s() -> float:
    """Return the busy seconds since the system started, summed over the cores this process may run on."""
    every = psutil.cpu_times(percpu=True)
    process = psutil.Process()
    allowed = process.cpu_affinity() if hasattr(process, "cpu_affinity") else []
    # If a core is switched off, `every` lacks it, and the number of a core is no index into it.
    cores = [every[k] for k in allowed] if allowed and max(allowed) < len(every) else every
    return sum(sum(core) - sum(getattr(core, name, 0.0) for name in IDLE) for core in cores)


def _own_s() -> float:
    """Return the processor time of the run: the runner (or this process if none) and all descendants."""
    parent = multiprocessing.parent_process()
    root = psutil.Process(parent.pid) if parent is not None else psutil.Process()
    return sum(map(_seconds_of, [root, *root.children(recursive=True)]))


def _seconds_of(process: Any) -> float:
    """Return a process's time, including its ended children, whose time the system adds to the parent's."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # the process has just ended
        return 0.0
    return times.user + times.system + times.children_user + times.children_system
