"""The load that other programs put on the machine, which decides whether a time is ``exclusive``."""

from __future__ import annotations

import multiprocessing
import time

import psutil

from bench.results.schema import Row

__all__ = ["LIMIT", "foreign_load", "load_columns"]

LIMIT = 0.5  # cores: with more than that of other programs, a time is shared
WINDOW_S = 0.2  # twenty ticks of the system's counters, which are hundredths of a second
FRESH_S = 1.0
IDLE = ("idle", "iowait", "guest", "guest_nice")  # guests are counted as user time too

_latest: tuple[float, float | None] | None = None  # when, and what


def foreign_load() -> float | None:
    """Number of cores that other programs keep busy, over a window of 0.2 s in which this process sleeps.

    It is the busy time of the cores that this process may run on (all cores, where the system has no
    affinity), time stolen by other virtual machines included, less the processor time of the run: this
    process, the runner that started it and all their descendants. In a container the cores are the host's,
    so that other containers on them count. A reading that is less than a second old is used again.

    Returns:
        Cores, at least 0; None where the system's counters may not be read.
    """
    global _latest
    now = time.monotonic()
    if _latest is None or now - _latest[0] > FRESH_S:
        load = _measured()
        _latest = (time.monotonic(), load)
    return _latest[1]


def load_columns(row: Row) -> Row:
    """Columns ``foreign_load`` and ``timing`` of a row before its next timed call.

    The largest load before any of a row's timed calls counts; beyond ``LIMIT`` the row is ``shared``. A row
    that is shared because other cells of its run go on beside it is left alone: its load is not measured.

    Arguments:
        row: With the columns ``timing`` and ``foreign_load`` so far.
    """
    if row["timing"] == "shared" and row["foreign_load"] is None:
        return {}
    known = [load for load in (row["foreign_load"], foreign_load()) if load is not None]
    if not known:
        return {}
    return {"foreign_load": max(known), "timing": "shared" if max(known) > LIMIT else "exclusive"}


def _measured() -> float | None:
    try:
        start, busy, own = time.monotonic(), _busy_s(), _own_s()
        time.sleep(WINDOW_S)
        seconds, busy, own = time.monotonic() - start, _busy_s() - busy, _own_s() - own
    except (OSError, psutil.Error):
        return None
    return max(busy - own, 0.0) / seconds


def _busy_s() -> float:
    """Seconds, since the system started, that the cores of this process have been busy, added up."""
    every = psutil.cpu_times(percpu=True)
    process = psutil.Process()
    allowed = process.cpu_affinity() if hasattr(process, "cpu_affinity") else []
    # With a core switched off the list has gaps, and a number is no place in it.
    cores = [every[k] for k in allowed] if allowed and max(allowed) < len(every) else every
    return sum(sum(core) - sum(getattr(core, name, 0.0) for name in IDLE) for core in cores)


def _own_s() -> float:
    """Processor time of the run: the runner, or this process where it has none, and all descendants."""
    parent = multiprocessing.parent_process()
    root = psutil.Process(parent.pid) if parent is not None else psutil.Process()
    return sum(map(_seconds_of, [root, *root.children(recursive=True)]))


def _seconds_of(process: psutil.Process) -> float:
    """With the time of children that have ended, which the system adds to their parent's."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # it has ended just now
        return 0.0
    return times.user + times.system + times.children_user + times.children_system
