"""The programme: its parts in order of their value, and the loop that runs them within a time limit."""

from __future__ import annotations

import importlib
import math
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.gpu.measured import Measured, Setting
from bench.gpu.row_files import RowFiles
from bench.gpu.time_limit import OutOfTimeError, time_limit
from bench.results.schema import Row

__all__ = ["PARTS", "Part", "run_programme"]


@dataclass(frozen=True)
class Part:
    """One part of the programme.

    Arguments:
        name: Name of the part.
        function: Module and name of the function that yields the measurements, ``module:function``. The
            module is imported when the part starts, so a missing package makes only this part fail.
        needs_s: Seconds on a GPU below which the part is not worth starting.
        most_s: Seconds after which the part is stopped, to leave time for the others.
    """

    name: str
    function: str
    needs_s: float
    most_s: float

    def measure(self, setting: Setting) -> Iterator[Measured]:
        """Yield the part's measurements as they are made."""
        module, _, name = self.function.partition(":")
        yield from getattr(importlib.import_module(module), name)(setting)


# Parts with an aim come first.
PARTS = (
    Part("check", "bench.gpu.device_check:device_check", 5, 40),
    Part("samples", "bench.gpu.one_pass_samples:one_pass_samples", 10, 60),
    Part("labels", "bench.gpu.label_times:label_times", 10, 60),
    Part("c2st", "bench.gpu.c2st_times:c2st_times", 20, 80),
    Part("training", "bench.gpu.training_times:training_times", 30, 130),
    Part("sbi", "bench.gpu.sbi_times:sbi_times", 30, 110),
    Part("accuracy", "bench.gpu.task_accuracy:task_accuracy", 30, 130),
)


def run_programme(
    setting: Setting, minutes: float, parts: Sequence[Part], files: RowFiles, say: Callable[[str], None]
) -> list[Row]:
    """Run parts one after the other, and write each measurement as soon as it is made.

    A part that fails, is stopped, or would not fit into the time left gives a row with an error.

    Arguments:
        setting: Device and scale.
        minutes: Time limit of the whole run.
        parts: Parts to run, in this order.
        files: Files that receive the rows and the log.
        say: Function that receives one line about each row and each part.

    Returns:
        All rows of the run.
    """

    def tell(line: str) -> None:
        files.log(line)
        say(line)

    end = time.monotonic() + 60.0 * minutes
    rows: list[Row] = []
    for part in parts:
        left = end - time.monotonic()
        tell(f"part {part.name}: {left:.0f} s left")
        began, beginning = datetime.now(UTC), time.monotonic()
        try:
            needed = part.needs_s * setting.scale
            if left < needed:
                raise TimeoutError(f"not run: {left:.0f} s are left, and it needs about {needed:.0f} s")
            with time_limit(min(left, part.most_s)):
                for measured in part.measure(setting):
                    rows.append(files.add(part.name, measured, began))
                    tell(f"  {_line(rows[-1])}")
                    began = datetime.now(UTC)
        except (Exception, OutOfTimeError) as error:
            if not isinstance(error, (TimeoutError, OutOfTimeError, ModuleNotFoundError)):
                tell(traceback.format_exc().rstrip())
            message = f"{type(error).__name__}: {error}".splitlines()[0]
            rows.append(files.add(part.name, Measured(part.name, "part", math.nan, error=message), began))
            tell(f"  {_line(rows[-1])}")
        tell(f"part {part.name} took {time.monotonic() - beginning:.1f} s")
    return rows


def _line(row: Row) -> str:
    if row["error"]:
        return f"{row['what']} {row['quantity']}: {row['error']}"
    aim = f", aim {row['aim']}" if row["aim"] else ""
    return f"{row['what']} {row['quantity']} {row['sizes']}: {row['value']:.4g} {row['unit']}{aim}"
