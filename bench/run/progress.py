"""Progress of a run: a line for each cell, a live bar on a terminal, and a log file."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from bench.errors import StorageError
from bench.printable import printable
from bench.run.cell import Cell
from bench.run.outcome import Outcome
from bench.run.remaining import Remaining

__all__ = ["Progress"]

MOST_RUNNING = 8  # limit on lines about running cells below the bar


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


class _Bar(RichProgress):
    """The bar, and a line below it for each running cell.

    Arguments:
        *columns: Columns of the bar.
        running: Function that returns the lines.
        **options: Options of rich's class.
    """

    def __init__(self, *columns: ProgressColumn, running: Callable[[], list[str]], **options: Any) -> None:
        self._running = running  # rich's constructor renders the bar
        super().__init__(*columns, **options)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return what is shown: the bar, then the running cells, each cut to the width of the terminal."""
        yield from super().get_renderables()
        for line in self._running():
            yield Text(f"  {line}", no_wrap=True, overflow="ellipsis")


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
        self._cells: dict[str, tuple[str, float]] = {}  # label and start of the running cells that are known
        self._lock = threading.Lock()  # cells start in threads
        self._remaining = Remaining({}, 1, 0.0)
        self._name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}.log"
        self._bar = _Bar(
            TextColumn("cells"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("running {task.fields[running]}, failed {task.fields[failed]}"),
            TimeElapsedColumn(),
            _End(self._left),
            running=self._running_lines,
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.begun = False
        self._total = self._done = self._failed = self._jobs = 0
        self._noted: set[str] = set()
        self._early: list[str] = []  # lines for the log before it exists

    @property
    def log(self) -> Path | None:
        """Path of the log file, which exists once cells run; None for no log."""
        return None if self._folder is None else self._folder / self._name

    @contextlib.contextmanager
    def over(self, seconds: Mapping[str, float | None], jobs: int) -> Iterator[None]:
        """Show progress over cells while the context lasts.

        Arguments:
            seconds: Predicted seconds of each cell by its key; None if unknown.
            jobs: Number of cells that run at a time.
        """
        total = len(seconds)
        self._total, self._done, self._failed, self._jobs = total, 0, 0, jobs
        if total == 0:
            yield
            return
        self._remaining = Remaining(seconds, jobs, self.console.get_time())
        with self._logged(), self._bar:
            self.begun = True
            for line in self._early:
                self._log.info("%s", line)
            end = f", {_ends(left)}" if (left := self._left()) else ""
            self.say(f"{total} cells to run, {jobs} at a time{end}")
            self._task = self._bar.add_task("cells", total=total, running=self._running, failed=0)
            try:
                yield
            except BaseException as error:
                self._log.info("stopped: %s %s", type(error).__name__, printable(str(error)))
                raise
            self._log.info("done: %d cells, %d failed", self._done, self._failed)

    @contextlib.contextmanager
    def running(self, cell: Cell) -> Iterator[None]:
        """Show that a cell runs while the context lasts; several threads may have one each."""
        with self._lock:
            now = self.console.get_time()
            self._cells[cell.key] = (cell.label, now)
            self._remaining.start(cell.key, now)
        try:
            yield
        finally:
            with self._lock:
                self._cells.pop(cell.key, None)

    def finished(self, outcome: Outcome) -> None:
        """Count a cell and print a line about its result."""
        self._done += 1
        with self._lock:
            now = self.console.get_time()
            self._remaining.end(outcome.key, outcome.seconds, now, elsewhere=outcome.elsewhere)
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

    def _running_lines(self) -> list[str]:
        with self._lock:
            now = self.console.get_time()
            cells = {key: (label, now - start) for key, (label, start) in self._cells.items()}
            expected = {key: self._remaining.expected(key) for key in cells}
        lines = []
        for key, (label, seconds) in list(cells.items())[:MOST_RUNNING]:
            of = "" if (whole := expected[key]) is None else f" of about {whole:.0f} s"
            lines.append(printable(f"{label}: {seconds:.0f} s{of}"))
        more = len(cells) - MOST_RUNNING
        return lines + ([f"… and {more} more"] if more > 0 else [])

    def _left(self) -> float | None:
        """Return the seconds until the run ends; None while nothing is known."""
        with self._lock:
            return self._remaining.left(self.console.get_time())

    def waiting(self, num_cells: int) -> None:
        """Print that only cells held by another runner are left."""
        self.say(f"waiting for {num_cells} cells that another run in this directory holds")

    def keep(self, text: str) -> None:
        """Write what plug-ins have printed before cells run to the log only, once it exists."""
        self._early += [printable(line) for line in text.splitlines() if line.strip()]

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
            handler = _LogFile(self._folder / self._name, self.console)
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
