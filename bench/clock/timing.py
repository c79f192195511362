"""Clocks: time of work that may run on a GPU, the memory and the energy it took."""

from __future__ import annotations

import contextlib
import resource
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
ENERGY_S = 0.1  # drivers renew their counters about that often


class ClockError(RuntimeError):
    """The clock was read while the device still worked: the time would be too short."""


class Timed(NamedTuple):
    """Of a call: the median seconds, the interquartile range (NaN for a single run), joules where known."""

    seconds: float
    iqr: float
    joules: float | None = None


class Device(Protocol):
    """How time is taken on a kind of device."""

    def mark(self) -> Any:
        """Wait until the device is idle, and note the time."""

    def between(self, start: Any, end: Any) -> float:
        """Seconds between two marks."""

    def busy(self) -> bool:
        """Whether the device still works."""


class Host:
    """The processor: when a call returns, its work is done."""

    def mark(self) -> float:
        """The system's finest clock that never goes back, in seconds."""
        return time.perf_counter()

    def between(self, start: float, end: float) -> float:
        """Their difference."""
        return end - start

    def busy(self) -> bool:
        """Never."""
        return False


class Cuda:
    """A GPU, whose kernels run behind the host's back: the clock is its own, by events."""

    def mark(self) -> torch.cuda.Event:
        """An event after all work of all streams."""
        torch.cuda.synchronize()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        event.synchronize()
        return event

    def between(self, start: torch.cuda.Event, end: torch.cuda.Event) -> float:
        """By the device's clock, to about half a microsecond."""
        return start.elapsed_time(end) / 1e3

    def busy(self) -> bool:
        """Whether the current stream has work left."""
        return not torch.cuda.current_stream().query()


DEVICES: dict[str, Callable[[], Device]] = {"cpu": Host, "cuda": Cuda}


def timed(work: Callable[[], T], device: str) -> tuple[T, float]:
    """Result and seconds of one call, with the device idle at both readings of the clock.

    Raises:
        ClockError: where the device still works after the second reading, so that the time means nothing.
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
    """Result of the first call, and the time of the calls after it.

    The first call warms up caches and is left out, unless it alone took longer than the budget:
    then it is the measurement.

    Arguments:
        work: What to time.
        device: Where it runs.
        budget_s: Seconds after which no other call begins; one by default.
        max_repeats: Calls at most; five by default.
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
    """Joules a call; None where nothing counts, the counter began anew, or the time was too short for it."""
    after = joules(device)
    if before is None or after is None or after < before or seconds < ENERGY_S:
        return None
    return (after - before) / calls


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
