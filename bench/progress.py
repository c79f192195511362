"""How far a run is: a live bar on a terminal, a line for each cell elsewhere."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

if TYPE_CHECKING:
    from bench.runner import Outcome

__all__ = ["Progress"]


class Progress:
    """Reports to standard error, so that tables on standard output stay clean."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._bar = RichProgress(
            TextColumn("cells"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("running {task.fields[running]}, failed {task.fields[failed]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._total = self._done = self._failed = self._jobs = 0

    @contextlib.contextmanager
    def over(self, total: int, jobs: int) -> Iterator[None]:
        """Show progress over ``total`` cells, ``jobs`` at a time, while the context lasts."""
        self._total, self._done, self._failed, self._jobs = total, 0, 0, jobs
        if total == 0:
            yield
            return
        with self._bar:
            self._task = self._bar.add_task("cells", total=total, running=min(jobs, total), failed=0)
            yield

    def finished(self, outcome: Outcome) -> None:
        """Count a cell and say in a line what became of it."""
        self._done += 1
        self._failed += outcome.num_errors > 0
        running = min(self._jobs, self._total - self._done)
        self._bar.update(self._task, completed=self._done, running=running, failed=self._failed)
        self.console.print(f"[{self._done}/{self._total}] {_describe(outcome)}", markup=False)


def _describe(outcome: Outcome) -> str:
    parts = [f"{outcome.label}: "]
    if outcome.num_errors:
        parts.append(f"{outcome.num_errors} of {outcome.num_rows} rows failed ({outcome.error})")
    else:
        score = "" if math.isnan(outcome.mean_c2st) else f"c2st {outcome.mean_c2st:.3f}, "
        parts.append(f"{score}{outcome.seconds:.1f} s")
    if outcome.num_failed_simulations:
        parts.append(f", {outcome.num_failed_simulations} failed simulations dropped")
    return "".join(parts)
