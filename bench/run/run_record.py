"""Records of the runs that filled a directory: one small file for each run, ``DIR/runs/TIME-NAME.yaml``.

A record is a grid file: ``scorebench run DIR/runs/TIME-NAME.yaml`` runs the grid again. Comments at its
beginning hold the time, the command and the versions.
"""

from __future__ import annotations

import itertools
import shlex
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from bench.errors import StorageError
from bench.printable import printable
from bench.results.directories import read_regular, replace
from bench.results.provenance import versions
from bench.run.grid import Grid

__all__ = ["FOLDER", "RunRecord", "read_records", "write_record"]

FOLDER = "runs"
MOST_BYTES = 2_000_000  # of a record; a grid file has at most half of this


@dataclass(frozen=True)
class RunRecord:
    """What a record says about a run.

    Attributes:
        path: Path of the record.
        comments: Its comments by name, such as ``started_at``, ``command`` and ``scorebench_version``.
        grid: The grid as YAML.
    """

    path: Path
    comments: dict[str, str]
    grid: str


def write_record(grid: Grid, command: Sequence[str]) -> None:
    """Write the record of a run that begins now into the directory of the grid's results.

    Arguments:
        grid: Grid that is run.
        command: Words of the command line.

    Raises:
        StorageError: if the file cannot be written; no part of it is left then.
    """
    now = datetime.now(UTC)
    comments = {"started_at": now.isoformat(timespec="milliseconds"), "command": shlex.join(command)}
    comments |= versions()
    head = "".join(f"# {name}: {printable(text)}\n" for name, text in comments.items())
    values = grid.model_dump(mode="json", by_alias=True, exclude_none=True)
    text = head + yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)
    folder = grid.out / FOLDER
    name = f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}.yaml"
    temporary = folder / f".{name}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
            replace(temporary, folder / name)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{folder} could not be written ({error.strerror or error})") from None


def read_records(directory: Path) -> list[RunRecord]:
    """Return the records in a directory of results, the oldest first; files that are none are left out."""
    records = []
    for path in sorted((directory / FOLDER).glob("[!.]*.yaml")):
        try:
            lines = read_regular(path, MOST_BYTES).decode("utf-8").split("\n")
        except (OSError, UnicodeDecodeError):
            continue
        head = list(itertools.takewhile(lambda line: line.startswith("# "), lines))
        parts = (line.removeprefix("# ").partition(": ") for line in head)
        comments = {name: text for name, _, text in parts}
        if {"started_at", "command"} <= comments.keys():
            records.append(RunRecord(path, comments, "\n".join(lines[len(head) :])))
    return sorted(records, key=lambda record: (record.comments["started_at"], record.path))
