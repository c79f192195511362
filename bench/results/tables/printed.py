"""A table as it is printed: entries with marks, groups of lines and notes, the same for every format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["FAILED", "PUBLISHED", "Entry", "Printed"]

FAILED = "†"  # some or all rows failed
PUBLISHED = "°"  # not of this directory


@dataclass(frozen=True)
class Entry:
    """One entry of a table.

    Attributes:
        text: Text, not escaped for any format.
        best: Whether it is the best of those that it is compared with.
        close: Whether it cannot be told from the best.
        mark: Mark behind the text, which a note explains.
    """

    text: str
    best: bool = False
    close: bool = False
    mark: str = ""


@dataclass(frozen=True)
class Printed:
    """A table.

    Attributes:
        head: Names of the columns.
        groups: Title of each group of lines (empty for none) and its lines, each as long as ``head``.
        labels: Number of columns at the left that hold names; they are aligned left, numbers right.
        notes: What stands below the table, one sentence each.
        best: What the best entries are, for the note that explains their mark; empty if none is marked.
        close: The same for entries that cannot be told from the best.
    """

    head: Sequence[str]
    groups: Sequence[tuple[str, Sequence[Sequence[Entry]]]]
    labels: int = 1
    notes: Sequence[str] = field(default_factory=list)
    best: str = ""
    close: str = ""

    def notes_with(self, best: str, close: str) -> list[str]:
        """Return all notes, with the way in which a format shows the best entries and those near them."""
        entries = [entry for _, lines in self.groups for line in lines for entry in line]
        first = f"{best}: {self.best}" if any(entry.best for entry in entries) else ""
        second = f"{close}: {self.close}" if any(entry.close for entry in entries) else ""
        marked = "; ".join(filter(None, (first, second)))
        return [*([marked + "."] if marked else []), *self.notes]
