"""Results of running a cell and a grid, as counts for the user."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Outcome", "Summary"]


@dataclass(frozen=True)
class Outcome:
    """The result of running one cell.

    Attributes:
        label: Short description of the cell.
        num_rows: Number of rows written.
        num_errors: Number of those rows that failed.
        error: Last line of the first error; empty if no row failed.
        num_failed_simulations: Number of simulations that were dropped.
        mean_c2st: Mean C2ST over rows that have one; NaN if none has.
        seconds: Wall time of the cell.
        elsewhere: Whether another process completed the cell.
        failed_metrics: Names of metrics that failed in some row.
        notes: Lines for the user, such as that the simulator is slow.
        num_drawn_again: Number of observations whose rows were complete, and whose samples were to be drawn
            again to be kept.
        num_lost: Number of those whose samples are not kept, because they differ or could not be drawn.
        key: Key of the cell.
    """

    label: str
    num_rows: int
    num_errors: int
    error: str
    num_failed_simulations: int
    mean_c2st: float
    seconds: float
    elsewhere: bool = False
    failed_metrics: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    num_drawn_again: int = 0
    num_lost: int = 0
    key: str = ""

    @property
    def failed(self) -> bool:
        """Whether a row failed, or samples that were to be kept are not."""
        return self.num_errors > 0 or self.num_lost > 0


@dataclass(frozen=True)
class Summary:
    """Counts of cells.

    Attributes:
        ran: Cells that this process ran.
        failed: Cells of these that failed.
        done_before: Cells that were complete at the start.
        elsewhere: Cells that another process completed.
        left: Cells that were left to other runs.
    """

    ran: int
    failed: int
    done_before: int
    elsewhere: int = 0
    left: int = 0
