"""Measurement of time, memory and energy of work on a CPU or GPU."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import torch

from bench.clock.energy import joules

__all__ = [
    "DEVICES",
    "ClockError",
    "Device",
    "Timed",
    "peak_memory_mb",
    "reset_peak_memory",
    "timed",
    "timed_repeatedly",
]

T = TypeVar("T")

REPEAT_BUDGET_S = 1.0
MAX_REPEATS = 5
ENERGY_S = 0.1  # drivers update their energy counters about this often


class ClockError(RuntimeError):
    """The clock was read while the device was still working, so the time would be too short."""


class Timed(NamedTuple):
    """Time of a call: median seconds, interquartile range in seconds (NaN for one run), joules if known."""

    seconds: float
    iqr: float
    joules: float | None = None


class Device(Protocol):
    """A clock for one kind of device."""

    def mark(self) -> Any:
        """Wait until the device is idle, and return a mark of the time."""

    def between(self, start: Any, end: Any) -> float:
        """Return the seconds between two marks."""

    def busy(self) -> bool:
        """Return whether the device is still working."""


class Host:
    """The CPU, whose work is done when a call returns."""

    def mark(self) -> float:
        """Return the time of the system's finest monotonic clock, in seconds."""
        return time.perf_counter()

    def between(self, start: float, end: float) -> float:
        """Return the difference of two marks in seconds."""
        return end - start

    def busy(self) -> bool:
        """Return False: the CPU has no work left when a call returns."""
        return False


class Cuda:
    """A GPU. Its kernels run asynchronously, so it is timed by CUDA events on its own clock."""

    def mark(self) -> torch.cuda.Event:
        """Return an event that is recorded after all work of all streams."""
        torch.cuda.synchronize()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        event.synchronize()
        return event

    def between(self, start: torch.cuda.Event, end: torch.cuda.Event) -> float:
        """Return the seconds between two events, precise to about half a microsecond."""
        return start.elapsed_time(end) / 1e3

    def busy(self) -> bool:
        """Return whether the current stream has work left."""
        return not torch.cuda.current_stream().query()


DEVICES: dict[str, Callable[[], Device]] = {"cpu": Host, "cuda": Cuda}


def timed(work: Callable[[], T], device: str) -> tuple[T, float]:
    """Return the result and the seconds of one call, with the device idle at both readings of the clock.

    Raises:
        ClockError: if the device is still working after the second reading, which makes the time invalid.
    """
    clock = DEVICES[device.partition(":")[0]]()
    start = clock.mark()
    result = work()
    end = clock.mark()
    if clock.busy():
        raise ClockError(f"{device} was still working when its clock was read")
    return result, clock.between(start, end)


def timed_repeatedly(
    work: Callable[[], T], device: str, budget_s: float | None = None, max_repeats: int | None = None
) -> tuple[T, Timed]:
    """Return the result of the first call, and the time of the calls after it.

    The first call warms up caches and is not counted. If it alone takes longer than the budget, there are no
    further calls and it is the measurement.

    Arguments:
        work: Function to time.
        device: Device that it runs on, such as ``cpu`` or ``cuda``.
        budget_s: Seconds after which no further call begins; 1 by default.
        max_repeats: Largest number of timed calls; 5 by default.
    """
    budget = REPEAT_BUDGET_S if budget_s is None else budget_s
    most = MAX_REPEATS if max_repeats is None else max_repeats
    before = joules(device)
    result, first = timed(work, device)
    if first > budget:
        return result, Timed(first, float("nan"), _spent(before, device, first, 1))
    seconds: list[float] = []
    before = joules(device)
    while len(seconds) < most and sum(seconds) < budget:
        seconds.append(timed(work, device)[1])
    energy = _spent(before, device, sum(seconds), len(seconds))
    low, median, high = np.percentile(seconds, [25, 50, 75])
    return result, Timed(float(median), float(high - low) if len(seconds) > 1 else float("nan"), energy)


def _spent(before: float | None, device: str, seconds: float, calls: int) -> float | None:
    """Return joules per call; None if there is no counter, it was reset, or the time was too short for it."""
    after = joules(device)
    if before is None or after is None or after < before or seconds < ENERGY_S:
        return None
    return (after - before) / calls


def reset_peak_memory(device: str) -> None:
    """Start a new measurement of :func:`peak_memory_mb`, if the system allows it."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
        return
    with contextlib.suppress(OSError):  # Linux only
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb(device: str) -> float:
    """Return the peak memory since the last reset, in MiB.

    On a GPU this is memory allocated on the device; on a CPU, resident memory of the process. If the peak
    cannot be reset (on systems other than Linux), it is the peak since the process started. On a system that
    keeps no peak it is the present memory, or NaN if that is unknown, too.
    """
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 2**20
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    try:
        import resource  # of Unix only
    except ImportError:
        try:
            import psutil
        except ImportError:
            return float("nan")
        known = psutil.Process().memory_info()
        return getattr(known, "peak_wset", known.rss) / 2**20  # the first is Windows'
    unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
