"""What all figures share when they are drawn and saved."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.results.directories import replace

__all__ = ["FORMATS", "STYLE", "save", "write_whole"]

FORMATS = ("png", "pdf", "svg")
STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.linewidth": 0.6,
    "grid.color": "0.9",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "legend.frameon": False,
    "savefig.bbox": "tight",
    "savefig.dpi": 160,
    # Type 42 fonts are TrueType; conferences refuse matplotlib's default, Type 3.
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "scorebench",  # the same figure gives the same file
}
EXACT: dict[Any, Any] = {"savefig.bbox": None, "savefig.dpi": 300}
# Without the date, the same figure gives the same file.
METADATA: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}


def save(
    figure: Figure,
    directory: Path,
    name: str,
    formats: Sequence[str] = ("png", "pdf"),
    *,
    exact: bool = False,
) -> list[Path]:
    """Write a figure in each format and return the paths. Each file is written completely or not at all.

    Arguments:
        figure: A figure.
        directory: Folder of the files, created where needed.
        name: Name of the files without suffix.
        formats: Suffixes, of ``FORMATS``.
        exact: Whether the picture has the size of the figure; otherwise it is cut to what is drawn.
    """
    paths = []
    with mpl.rc_context(STYLE | (EXACT if exact else {})), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        for suffix in formats:
            path = directory / f"{name}.{suffix}"
            with write_whole(path) as temporary:
                figure.savefig(temporary, metadata=METADATA.get(suffix))
            paths.append(path)
    return paths


class write_whole:  # noqa: N801  (a context, used like a function)
    """Context with a temporary path, which is renamed to ``path`` if nothing is raised, and else removed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex}{path.suffix}")

    def __enter__(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.temporary

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        try:
            if kind is None:
                replace(self.temporary, self.path)
        finally:
            self.temporary.unlink(missing_ok=True)
