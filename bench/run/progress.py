"""Progress of a run: a line for each cell, a live bar on a terminal, and a log file."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from bench.errors import StorageError
from bench.printable import printable
from bench.run.outcome import Outcome

__all__ = ["Progress"]


class _End(ProgressColumn):
    """The time of day at which the run will end.

    Arguments:
        left: Function that returns the seconds until then, or None while they are not known.
    """

    def __init__(self, left: Callable[[], float | None]) -> None:
        super().__init__()
        self._left = left

    def render(self, task: Task) -> Text:
        left = self._left()
        return Text("" if left is None else _ends(left))


class _LogFile(logging.FileHandler):
    """A log file. If it cannot be written, as on a full disk, one line says so and the run goes on."""

    def __init__(self, path: Path, console: Console) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self._console, self._said = console, False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (its name in logging)
        if not self._said:
            self._said = True
            line = (
                f"{self.baseFilename} could not be written ({sys.exc_info()[1]}); the run goes on without it"
            )
            self._console.print(printable(line), markup=False, emoji=False)


class Progress:
    """Reports progress on standard error, so that standard output holds tables only.

    Arguments:
        console: Console to write to; standard error by default.
        log: Directory for the log file of this run, created if there are cells to run; None for no log.

    Attributes:
        begun: Whether cells have begun to run.
    """

    def __init__(self, console: Console | None = None, log: Path | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._folder, self._log = log, logging.Logger("scorebench")
        self._bar = RichProgress(
            TextColumn("cells"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("running {task.fields[running]}, failed {task.fields[failed]}"),
            TimeElapsedColumn(),
            _End(self._left),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.begun = False
        self._total = self._done = self._failed = self._jobs = 0
        self._noted: set[str] = set()
        self._start = self._latest = 0.0  # times of the run's start and of the latest cell's end

    @contextlib.contextmanager
    def over(self, total: int, jobs: int) -> Iterator[None]:
        """Show progress over ``total`` cells, of which ``jobs`` run at a time, while the context lasts."""
        self._total, self._done, self._failed, self._jobs = total, 0, 0, jobs
        self._start = self._latest = self.console.get_time()
        if total == 0:
            yield
            return
        with self._logged(), self._bar:
            self.begun = True
            self._log.info("%d cells to run, %d at a time", total, jobs)
            self._task = self._bar.add_task("cells", total=total, running=self._running, failed=0)
            try:
                yield
            except BaseException as error:
                self._log.info("stopped: %s %s", type(error).__name__, printable(str(error)))
                raise
            self._log.info("done: %d cells, %d failed", self._done, self._failed)

    def finished(self, outcome: Outcome) -> None:
        """Count a cell and print a line about its result."""
        self._done += 1
        self._latest = self.console.get_time()
        self._failed += outcome.failed and not outcome.elsewhere
        self._bar.update(self._task, completed=self._done, running=self._running, failed=self._failed)
        left = self._left()
        for note in outcome.notes:
            if note not in self._noted:  # several cells of a task may give the same
                self._noted.add(note)
                self.say(note)
        end = f"; {_ends(left)}" if left and not self.console.is_terminal else ""
        self.say(f"[{self._done}/{self._total}] {_describe(outcome)}{end}")

    @property
    def _running(self) -> int:
        return min(self._jobs, self._total - self._done)

    def _left(self) -> float | None:
        """Return the seconds until the run ends, or None before the first cell is done.

        The other cells are assumed to take as long as those so far. While cells run for longer than that,
        the estimate grows, because the cells that are running cannot end before now.
        """
        if self._done == 0:
            return None
        elapsed = self.console.get_time() - self._start
        mean = max((self._latest - self._start) / self._done, elapsed / (self._done + self._running))
        return max(mean * self._total - elapsed, 0.0)

    def waiting(self, num_cells: int) -> None:
        """Print that only cells held by another runner are left."""
        self.say(f"waiting for {num_cells} cells that another run in this directory holds")

    def say(self, line: str) -> None:
        """Write a line to the terminal and to the log."""
        line = printable(line)
        self.console.print(line, markup=False, emoji=False)
        self._log.info("%s", line)

    @contextlib.contextmanager
    def _logged(self) -> Iterator[None]:
        if self._folder is None:
            yield
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}.log"
            handler = _LogFile(self._folder / name, self.console)
        except OSError as error:
            raise StorageError(f"{self._folder} could not be written ({error.strerror})") from None
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        self._log.addHandler(handler)
        try:
            yield
        finally:
            self._log.removeHandler(handler)
            with contextlib.suppress(OSError):  # of what could not be written, which has been said
                handler.close()


def _ends(seconds: float) -> str:
    """Describe the time that many seconds from now: time of day, and the date if it is another day."""
    now = datetime.now().astimezone()
    end = now + timedelta(seconds=seconds)
    return f"ends about {end:%H:%M}" if end.date() == now.date() else f"ends about {end:%Y-%m-%d %H:%M}"


def _describe(outcome: Outcome) -> str:
    parts = [f"{outcome.label}: "]
    if outcome.elsewhere:
        failed = f", {outcome.num_errors} of {outcome.num_rows} rows failed" if outcome.num_errors else ""
        parts.append(f"done by another run in this directory{failed}")
    elif outcome.num_errors:
        parts.append(f"{outcome.num_errors} of {outcome.num_rows} rows failed ({outcome.error})")
    elif outcome.num_drawn_again and not outcome.num_rows:
        parts.append(f"{outcome.seconds:.1f} s")
    else:
        score = "" if math.isnan(outcome.mean_c2st) else f"c2st {outcome.mean_c2st:.3f}, "
        parts.append(f"{score}{outcome.seconds:.1f} s")
    if outcome.num_drawn_again:
        kept = outcome.num_drawn_again - outcome.num_lost
        parts.append(f", samples of {kept} of {outcome.num_drawn_again} complete rows drawn again and kept")
    if outcome.failed_metrics:
        parts.append(f", failed metrics: {', '.join(outcome.failed_metrics)}")
    if outcome.num_failed_simulations:
        parts.append(f", {outcome.num_failed_simulations} failed simulations dropped")
    return "".join(parts)
