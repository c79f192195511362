"""What made the rows of a page, and what made the page: versions, devices and sources."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import pandas as pd

import bench
import tasks
from bench.printable import printable
from bench.report.grid_table import Cell, GridTable
from bench.run.sources import source_sha256
from methods.contract.registry import UnknownMethodError, method_class

__all__ = ["page_facts", "row_sources", "row_versions"]

VERSIONS = {
    "scorebench_version": "scorebench",
    "git_commit": "commit",
    "torch_version": "torch",
    "sbi_version": "sbi",
    "device_name": "device",
    "driver_version": "driver",
    "dtype": "dtype",
    "threads": "threads",
    "timing": "timing",
}
SHORT = 12  # characters of a fingerprint or commit


def page_facts(directory: str) -> list[tuple[str, str]]:
    """Return pairs of a word and a text about what made the page.

    Arguments:
        directory: Directory of the rows, as the user named it.
    """
    found = {name: _version(name) for name in ("torch", "sbi", "matplotlib")}
    packages = ", ".join(f"{name} {number}" for name, number in found.items() if number)
    return [
        ("rows from", printable(directory)),
        ("page made at", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("by", f"scorebench {bench.__version__}"),
        ("with", f"Python {platform.python_version()}, {packages}"),
        ("on", printable(platform.platform())),
    ]


def row_versions(rows: pd.DataFrame) -> GridTable:
    """Return a table of the different versions and devices behind the rows, with the times of their runs."""
    columns = {name: word for name, word in VERSIONS.items() if name in rows and rows[name].notna().any()}
    columns = {name: word for name, word in columns.items() if set(rows[name].dropna()) != {""}}
    known = rows.assign(
        **{name: rows[name].astype(object).where(rows[name].notna(), "–") for name in columns}
    )
    lines = []
    for values, group in known.groupby(list(columns), sort=False) if columns else []:
        texts = [_short(name, value) for name, value in zip(columns, values, strict=True)]
        days = sorted(str(when)[:10] for when in group["started_at"].dropna())
        when = "–" if not days else days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
        lines.append([Cell(str(len(group))), Cell(when), *map(Cell, texts)])
    caption = "Versions and devices behind the rows"
    return GridTable(caption, ["rows", "run", *columns.values()], {"": lines}, words=True)


def row_sources(rows: pd.DataFrame) -> GridTable:
    """Return a table of the source code behind the rows of each task and method, compared with that here."""
    groups = {}
    for kind in ("task", "method"):
        lines = []
        keys = [kind, f"{kind}_version", f"{kind}_sha256"]
        known = rows[keys].astype(object).where(rows[keys].notna(), "")
        for (name, number, digest), group in known.groupby(keys):
            here = _source_here(kind, str(name))
            if not digest:
                same = "unknown"
            elif here is None:
                same = "not registered here"
            else:
                same = "same" if here == digest else "other"
            texts = [name, number or "–", str(digest)[:SHORT] or "–", str(len(group)), same]
            lines.append([Cell(printable(str(text))) for text in texts])
        groups[f"{kind}s"] = lines
    columns = ["name", "version", "fingerprint", "rows", "source here"]
    notes = [
        "A fingerprint is of the source code without comments; other means that the code here has changed."
    ]
    return GridTable("Sources of tasks and methods", columns, groups, words=True, notes=notes)


def _source_here(kind: str, name: str) -> str | None:
    try:
        return source_sha256(tasks.task_class(name) if kind == "task" else method_class(name))
    except (tasks.UnknownTaskError, UnknownMethodError):
        return None


def _short(name: str, value: object) -> str:
    if name == "git_commit":
        return str(value)[:SHORT] or "–"
    if isinstance(value, float):
        return f"{value:.0f}"
    return printable(str(value)) or "–"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
