"""A measured value with its aim, and the repetition of short work."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from bench.clock.timing import timed

__all__ = ["LEAST_CALLS", "LONG_S", "Aim", "Measured", "Setting", "repeated"]

T = TypeVar("T")

LEAST_CALLS, MOST_CALLS = 10, 200
ENOUGH_S = 0.5  # seconds of timed calls after which no more than ``LEAST_CALLS`` are made
LONG_S = 2.0  # a first call that takes longer is itself the measurement


@dataclass(frozen=True)
class Setting:
    """Where the programme runs, and at which fraction of its sizes.

    Arguments:
        device: Device, ``cpu`` or ``cuda``.
        scale: Factor in (0, 1] of all sizes and numbers of training steps.
    """

    device: str
    scale: float

    def count(self, full: int, least: int = 1) -> int:
        """Return ``full`` times the scale, rounded, and at least ``least`` (or ``full``, if that is less).

        Example:
            >>> Setting("cpu", 0.01).count(5000), Setting("cpu", 0.01).count(100, least=20)
            (50, 20)
        """
        return max(min(least, full), round(full * self.scale))

    @property
    def has_aims(self) -> bool:
        """Whether values may be compared with aims, which are meant for a GPU and full sizes."""
        return self.device == "cuda" and self.scale == 1.0


@dataclass(frozen=True)
class Aim:
    """A bound that a value should keep.

    Arguments:
        limit: Bound, in the unit of the value.
        is_upper: Whether values should be at most the limit; otherwise they should be at least the limit.
    """

    limit: float
    is_upper: bool = True

    def is_met_by(self, value: float) -> bool:
        """Return whether a value keeps the bound; NaN does not.

        Example:
            >>> Aim(10.0).is_met_by(3.0), Aim(100.0, is_upper=False).is_met_by(3.0)
            (True, False)
        """
        return value <= self.limit if self.is_upper else value >= self.limit

    def __str__(self) -> str:
        return f"{'<=' if self.is_upper else '>='} {self.limit:g}"


@dataclass(frozen=True)
class Measured:
    """One measured value, or the error that came in its place.

    Arguments:
        what: Thing that was measured, such as a method or a task.
        quantity: Name of the quantity.
        value: Value; NaN after an error.
        unit: Unit of the value; empty for a number without one.
        sizes: Sizes and settings of the work.
        aim: Bound that the value should keep, if there is one.
        num_calls: Number of timed calls, of which the value is the median.
        iqr: Interquartile range of these calls, in the value's unit; NaN for a single call.
        error: Message of an error; empty if there was none.
    """

    what: str
    quantity: str
    value: float
    unit: str = ""
    sizes: dict[str, Any] = field(default_factory=dict)
    aim: Aim | None = None
    num_calls: int = 1
    iqr: float = math.nan
    error: str = ""


def repeated(
    work: Callable[[], T],
    setting: Setting,
    what: str,
    quantity: str,
    sizes: dict[str, Any],
    aim: Aim | None = None,
) -> tuple[T, Measured]:
    """Return the first call's result and the median seconds of at least ten further calls.

    The device is idle before and after each timed call. A first call of more than ``LONG_S`` seconds is
    itself the measurement.

    Arguments:
        work: Function to time.
        setting: Device that it runs on.
        what: Thing that is timed.
        quantity: Name of the quantity.
        sizes: Sizes of the work.
        aim: Bound of the seconds.
    """
    result, first = timed(work, setting.device)
    seconds = [] if first <= LONG_S else [first]
    if not seconds:
        while len(seconds) < LEAST_CALLS or (sum(seconds) < ENOUGH_S and len(seconds) < MOST_CALLS):
            seconds.append(timed(work, setting.device)[1])
    low, median, high = np.percentile(seconds, [25, 50, 75])
    iqr = float(high - low) if len(seconds) > 1 else math.nan
    return result, Measured(what, quantity, float(median), "s", sizes, aim, len(seconds), iqr)
