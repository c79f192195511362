"""The page: one HTML file that holds the rows, and tables and figures that are made from them."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bench.errors import StorageError, UsageError
from bench.metrics import BUILT_IN, metrics
from bench.printable import printable
from bench.report.dataset import COMMAND, LABEL, NEWEST, Dataset, embed, in_script, read_back
from bench.report.drawn_figures import OF_A_TASK, TOTAL, DrawnFigure, drawn_figures
from bench.report.environment import page_facts, row_sources, row_versions
from bench.report.method_parts import method_parts
from bench.report.questions import accuracy, calibration, costs
from bench.report.ranking import ranks_by_budget
from bench.report.row_command import row_commands
from bench.report.task_parts import task_parts
from bench.results.directories import replace
from bench.results.figures import figures
from bench.results.naming import method_labels
from bench.results.selection import newest, select

__all__ = ["page", "write_page"]

MOST_ROWS = 100_000  # a browser sorts as many in a second or two; the page then has about 50 MB
# Where a figure stands; one that is not named here stands in the part "Figures".
PLACES = {
    "c2st_by_budget": "right",
    "calibration": "calibrated",
    "accuracy_by_time": "cost",
    "ranks": "ranks",
}
# Columns that the table of rows shows at first, with those of metrics in the middle.
FIRST = ["task", LABEL, "num_simulations", "seed", "num_observation", "status"]
ORDER = ["task", "num_simulations", LABEL, "seed", "num_observation"]
LAST = ["train_s", "sample_s", "nfe"]
MOST_SHOWN = 6  # metrics shown at first


def page(
    rows: pd.DataFrame,
    *,
    title: str,
    directory: str,
    all_versions: bool = False,
    samples: Callable[..., Any] | None = None,
    say: Callable[[str], Any] | None = None,
) -> str:
    """Return the page of rows as HTML text.

    The rows are put into the page as JSON. All else in it (answers, ranks, figures) is made from what is read
    back from this JSON, so that no two parts of a page can disagree.

    Arguments:
        rows: Rows as :meth:`bench.results.store.Store.read` returns them.
        title: Title of the page.
        directory: Directory of the rows, as the user named it.
        all_versions: Whether answers and figures show older versions, next to the newest.
        samples: Function that returns the samples kept for a row; None if none can be kept.
        say: Receives one line about rows that answers and figures leave out.

    Raises:
        UsageError: if there are more rows than a page can hold.
    """
    if len(rows) > MOST_ROWS:
        raise UsageError(
            f"report: {len(rows)} rows; a page holds {MOST_ROWS}: report a directory with fewer, or use table"
        )
    data = embed(_with_names(rows.reset_index(drop=True)))
    read = read_back(data)
    lines: dict[str, None] = {}

    def note(line: str) -> None:
        if line not in lines and say is not None:
            say(line)
        lines[line] = None

    shown = select(read, all_versions=all_versions, say=note)
    good = shown[shown["status"] == "ok"]
    options: dict[str, Any] = {"all_versions": all_versions, "say": note}
    known = list(figures())
    if samples is not None and set(known) & set(OF_A_TASK):
        options["samples"] = samples
    drawn = drawn_figures(read, [name for name in known if name not in OF_A_TASK], **options)
    parts = task_parts(read, _figures_of_tasks([name for name in known if name in OF_A_TASK], options))
    of_tasks = [one for part in parts for one in part.figures]
    shown_once = {one.name for one in of_tasks if one.svg}
    drawn += {one.name: one for one in of_tasks if one.name not in shown_once}.values()
    ranks, without_ranks = ranks_by_budget(read, all_versions=all_versions)
    environment = Environment(
        loader=PackageLoader("bench.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script, style = (_source(environment, name) for name in ("page.js", "page.css"))
    return environment.get_template("page.html.jinja").render(
        title=printable(title),
        facts=page_facts(directory),
        counts=_counts(read),
        left_out=list(lines),
        accuracy=accuracy(good, note),
        calibration=calibration(good),
        costs=costs(good),
        ranks=ranks,
        without_ranks=without_ranks,
        figures={place: _at(drawn, place) for place in ("right", "calibrated", "cost", "ranks", "")},
        tasks=parts,
        methods=method_parts(read),
        versions=row_versions(read),
        sources=row_sources(read),
        data=Markup(in_script({"data": data, "view": _view(data)})),  # noqa: S704  (escaped for its element)
        script=Markup(script),  # noqa: S704  (a file of this package)
        style=Markup(style),  # noqa: S704  (the same)
        script_hash=_sha256(script),
        style_hash=_sha256(style),
        svg=Markup,
    )


def _figures_of_tasks(names: list[str], options: dict[str, Any]) -> Callable[..., list[DrawnFigure]]:
    """Return a function that draws figures of a task's rows, smaller once they take much room together."""
    left = TOTAL

    def figures_of(task: str, rows: pd.DataFrame) -> list[DrawnFigure]:
        nonlocal left
        drawn = drawn_figures(rows, names, prefix=f"{_word(task)}-", total=left, **options)
        left -= sum(len(one.svg) for one in drawn)
        return drawn

    return figures_of


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9_]", "", text.lower()) or "task"


def write_page(text: str, path: Path) -> None:
    """Write a page under a temporary name and rename it, so that the file is complete or the old one.

    Raises:
        StorageError: if the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        try:
            temporary.write_text(text, encoding="utf-8", newline="\n")
            replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{path} could not be written ({error.strerror or error})") from None


def _with_names(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows in an order, with label and command, and whether each is of the newest version."""
    kept = rows.index.isin(newest(rows).index).astype(int)
    # All rows of a cell have one command but for the observation, which the script adds: it is kept once.
    ends = [f" -o {k}" for k in rows["num_observation"]]
    commands = [text.removesuffix(end) for text, end in zip(row_commands(rows), ends, strict=True)]
    added: dict[str, Any] = {LABEL: method_labels(rows), COMMAND: commands, NEWEST: kept}
    named = rows.assign(**added)
    return named.sort_values(ORDER, ignore_index=True, kind="stable")


def _view(data: Dataset) -> dict[str, Any]:
    """What the script has to know of columns: those shown at first, and digits behind the decimal point."""
    filled = [column["name"] for column in data["columns"] if {"values", "codes"} & column.keys()]
    known = metrics()
    added = [
        column["name"] for column in data["columns"] if column["name"] in known or column["name"] in BUILT_IN
    ]
    scores = [name for name in added if name in filled][:MOST_SHOWN]
    shown = [name for name in [*FIRST, *scores, *LAST] if name in filled]
    return {
        "shown": shown,
        "digits": {name: cls.digits for name, cls in known.items() if cls.digits is not None},
        "label": LABEL,
        "command": COMMAND,
        "newest": NEWEST,
    }


def _counts(rows: pd.DataFrame) -> list[tuple[str, str]]:
    failed = int((rows["status"] != "ok").sum())
    older = int((rows[NEWEST] == 0).sum())
    counts = [
        (len(rows), "row"),
        (rows["task"].nunique(), "task"),
        (rows[LABEL].nunique(), "method"),
        (rows["num_simulations"].nunique(), "budget"),
        (rows["seed"].nunique(), "seed"),
        (failed, "failed row"),
    ]
    counts += [(older, "row of an older version")] if older == 1 else []
    counts += [(older, "rows of older versions")] if older > 1 else []
    return [(word if count == 1 or "older" in word else f"{word}s", str(count)) for count, word in counts]


def _at(figures: list[Any], place: str) -> list[Any]:
    return [figure for figure in figures if PLACES.get(figure.name, "") == place]


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None  # noqa: S101  (it was made with one)
    return environment.loader.get_source(environment, name)[0]


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
