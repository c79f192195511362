"""Clocks: wall time of work that may run on a GPU, and the memory it took."""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch

__all__ = ["Timed", "peak_memory_mb", "reset_peak_memory", "timed", "timed_repeatedly"]

T = TypeVar("T")

REPEAT_BUDGET_S = 1.0
MAX_REPEATS = 5


class Timed(NamedTuple):
    """Seconds of a call: the median, and the interquartile range (NaN for a single run)."""

    seconds: float
    iqr: float


def _now(device: str) -> float:
    # Kernels run behind the host's back: without this the clock would read the time of their launch.
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter()


def timed(work: Callable[[], T], device: str) -> tuple[T, float]:
    """Result and wall seconds of one call, with the device idle at both readings of the clock."""
    start = _now(device)
    result = work()
    return result, _now(device) - start


def timed_repeatedly(work: Callable[[], T], device: str) -> tuple[T, Timed]:
    """Result of the first call, and the time of the calls after it.

    The first call warms up caches and is left out, unless it alone took longer than the budget of one
    second: then it is the measurement.
    """
    result, first = timed(work, device)
    if first > REPEAT_BUDGET_S:
        return result, Timed(first, float("nan"))
    seconds: list[float] = []
    while len(seconds) < MAX_REPEATS and sum(seconds) < REPEAT_BUDGET_S:
        seconds.append(timed(work, device)[1])
    low, median, high = np.percentile(seconds, [25, 50, 75])
    return result, Timed(float(median), float(high - low) if len(seconds) > 1 else float("nan"))


def reset_peak_memory(device: str) -> None:
    """Start a new measurement of :func:`peak_memory_mb`, where the system lets a process do so."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
        return
    with contextlib.suppress(OSError):  # Linux only
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb(device: str) -> float:
    """Largest memory since the last reset, in MiB: of the device, or resident memory of the process.

    Where the peak cannot be reset (other systems than Linux) it is that of the process's whole life.
    """
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 2**20
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
