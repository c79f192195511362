"""What became of a cell, and of a run."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Outcome", "Summary"]


@dataclass(frozen=True)
class Outcome:
    """What became of a cell: rows written, how many of them failed, the last line of the first error."""

    label: str
    num_rows: int
    num_errors: int
    error: str
    num_failed_simulations: int
    mean_c2st: float
    seconds: float
    elsewhere: bool = False
    failed_metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Summary:
    """Counts of cells: run by this process, failed, complete at the start, completed by another process."""

    ran: int
    failed: int
    done_before: int
    elsewhere: int = 0
