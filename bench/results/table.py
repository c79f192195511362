"""Rows in, a table out: means over observations and seeds, as text, CSV, Markdown or LaTeX."""

from __future__ import annotations

import io
import itertools
import json
import textwrap
from collections.abc import Callable
from typing import Literal

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.metrics import BUILT_IN, metrics
from bench.printable import printable
from bench.results.schema import COLUMNS
from bench.results.selection import SELECTED_BY, select, times_of_one_kind
from bench.results.tables.fitting import without_room

__all__ = ["FORMATS", "SIZES", "TIMES", "TableFormat", "digits_of", "needed", "number_text", "render"]
__all__ += ["summarize"]

TableFormat = Literal["text", "csv", "markdown", "latex"]

# Rows that differ in one of these are never averaged together.
KEYS = ["task", "num_simulations", "method", "num_posterior_samples", "batch_size"]
TIMES = ["simulate_s", "train_s", "sample_s", "sample_s_raw", "energy_j"]
SIZES = ["nfe", "num_parameters"]
KIND = ["device", "timing"]
SOURCES = ["task_sha256", "method_sha256"]
DIGITS = 3  # of c2st_std, and of the metric of a plug-in that is not loaded
SPARSE = ["sample_s_raw", "energy_j"]  # not shown where no row has them
ONCE = ["num_posterior_samples", "batch_size"]  # not shown where the same everywhere
# For Markdown: cells, HTML, emphasis and code.
ESCAPED = str.maketrans({"|": "\\|", "<": "&lt;", "*": "\\*", "`": "\\`", "\\": "\\\\"})
LONGEST = 200  # characters of a cell of a text table
WIDEST = 10_000  # characters of a line, so that no cell is shortened for want of room
COUNTS = ["rows", "failed", "metrics_failed"]
RARE = ["failed", "metrics_failed"]  # not shown where zero everywhere
# Kept first on a narrow terminal.
FIRST = [*KEYS, "c2st", "c2st_std", *RARE, "train_s", "sample_s", "rows"]


def needed() -> list[str]:
    """Columns of the store that :func:`summarize` reads; those of plug-ins are read with them."""
    groups = [KEYS, SELECTED_BY, KIND, SOURCES, ["status", "metric_errors"], BUILT_IN, TIMES, SIZES]
    return list(dict.fromkeys(itertools.chain.from_iterable(groups)))


def summarize(
    rows: pd.DataFrame, *, all_versions: bool = False, say: Callable[[str], None] | None = None
) -> pd.DataFrame:
    """Means over observations and seeds, of the newest version of each task and method.

    Accuracy is a mean over all rows. Times are means over the rows whose times are of one kind, the same for
    the whole table.

    Arguments:
        rows: As :meth:`bench.results.store.Store.read` gives them, of its columns at least those
            that :func:`needed` names.
        all_versions: Show older versions as well, apart from the newest.
        say: Receives one line for each method of which older rows are left out.

    Returns:
        One row for each task, budget, method and number of samples, in the order of tasks and budgets with
        the best c2st first: ``KEYS``; the means; ``c2st_std`` over observations and seeds; ``rows`` that the
        means are over, ``failed`` ones that they leave out and ``metrics_failed``, rows in which a metric
        failed; ``sources``, the number of different sources of task and method behind a mean; ``device`` and
        ``timing``, the kind of the times.
    """
    frame = select(rows, all_versions=all_versions, say=say)
    # Rows from before there were batches are of one observation each.
    frame = frame.assign(batch_size=frame["batch_size"].fillna(1).astype(int))
    ok = frame["status"] == "ok"
    good = frame if ok.all() else frame[ok]
    failed = _beside_good(frame[~ok], good)
    if say is not None:
        _explain_metrics(good, say)
    groups = good.groupby(KEYS)
    timed, kind = times_of_one_kind(good, KEYS)
    accuracy, sizes = groups[_metric_columns(frame)].mean(), groups[SIZES].mean()
    accuracy.insert(1, "c2st_std", groups["c2st"].std())
    counts = pd.DataFrame(
        {
            "rows": groups.size(),
            "failed": failed.groupby(KEYS).size(),
            "metrics_failed": groups["metric_errors"].count(),
            "sources": groups[SOURCES].nunique().max(axis=1),
        }
    )
    means = pd.concat([accuracy, timed.groupby(KEYS)[TIMES].mean(), sizes, counts], axis=1)
    means.index.names = KEYS
    means[counts.columns] = means[counts.columns].fillna(0).astype(int)
    table = means.reset_index().assign(**dict(zip(KIND, kind, strict=True)))
    return table.sort_values(["task", "num_simulations", "c2st"], ignore_index=True)


def _metric_columns(frame: pd.DataFrame) -> list[str]:
    """Columns of metrics: the suite's own, and numbers that a plug-in's metric has added to rows."""
    added = [str(name) for name in frame.select_dtypes("number") if name not in COLUMNS]
    return [*BUILT_IN, *added]


def _beside_good(failed: pd.DataFrame, good: pd.DataFrame) -> pd.DataFrame:
    """Failed rows with the number of samples under which they are counted, each once.

    A failed row knows how many samples were asked for, a good one how many there are, which may be fewer:
    a failure belongs to the good rows with the largest number that does not exceed its own.
    """
    loose = [key for key in KEYS if key != "num_posterior_samples"]
    have = good[KEYS].drop_duplicates().assign(there=lambda known: known["num_posterior_samples"])
    asked = failed.assign(row=range(len(failed)))
    pairs = asked[["row", *KEYS]].merge(have[[*loose, "there"]], on=loose)
    counted = pairs[pairs["there"] <= pairs["num_posterior_samples"]].groupby("row")["there"].max()
    numbers = asked["row"].map(counted).fillna(failed["num_posterior_samples"]).fillna(0)
    return failed.assign(num_posterior_samples=numbers.astype(int))


def _explain_metrics(good: pd.DataFrame, say: Callable[[str], None]) -> None:
    """Say which metrics failed, in how many rows and why."""
    bad = good.dropna(subset="metric_errors")
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for task, method, text in zip(bad["task"], bad["method"], bad["metric_errors"], strict=True):
        for metric, reason in json.loads(text).items():
            reasons.setdefault((task, method, metric), []).append(reason)
    for (task, method, metric), found in reasons.items():
        say(f"{task} {method}: {metric} failed in {len(found)} rows, which its mean leaves out ({found[0]})")


def render(table: pd.DataFrame, form: TableFormat, width: int | None = None) -> str:
    """The table of :func:`summarize` as a string, ending in a newline; all but CSV begin with a head line.

    Arguments:
        table: The table.
        form: Format.
        width: Width of the terminal that text has to fit; columns without room are left out and named in
            the last line. None shows all columns.
    """
    return _as_text(table, width) if form == "text" else FORMATS[form](table)


def _head(table: pd.DataFrame) -> str:
    """What holds for the whole table: the kind of its times, and what a star stands for."""
    parts = []
    if len(table) and table["timing"].iloc[0]:
        parts.append("times: {device}, {timing}".format(**table[KIND].iloc[0].map(printable)))
    if (table["sources"] > 1).any():
        parts.append("*: mean over rows of several sources of one version")
    return "; ".join(parts)


def _short(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers to the digits that mean something; columns that say the same everywhere are left out."""
    dropped = [key for key in ONCE if table[key].nunique() == 1]
    dropped += [name for name in map(str, table) if _is_sparse(name) and table[name].isna().all()]
    dropped += [column for column in RARE if not table[column].any()]
    method = table["method"].where(table["sources"] <= 1, table["method"] + " *")
    shown = table.assign(method=method).drop(columns=[*dropped, *KIND, "sources"])
    for column in shown.columns.difference([*KEYS, *COUNTS], sort=False):
        shown[column] = [number_text(value, digits_of(str(column))) for value in shown[column]]
    return shown.astype(str).rename(columns=printable)  # a column may be that of someone's metric


def _is_sparse(column: str) -> bool:
    """Whether not every task or run has values for a column, so that it is left out where it is empty."""
    known = metrics().get(column)
    return column in SPARSE if known is None else known.optional


def digits_of(column: str) -> int | None:
    """Digits behind the decimal point; None for two significant ones."""
    if column in (*TIMES, *SIZES):
        return None
    known = metrics().get(column)
    return DIGITS if known is None else known.digits


def number_text(value: float, digits: int | None) -> str:
    """A number with so many digits behind the point, or with two significant ones; "-" for a missing one."""
    if pd.isna(value):
        return "-"
    if digits is not None:
        return f"{value:.{digits}f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}"


def _as_text(table: pd.DataFrame, width: int | None = None) -> str:
    shown = _short(table).map(_shortened)
    absent = [] if width is None else without_room(shown, width, FIRST)
    absent = [name for name in absent if name not in KEYS]
    shown = shown.drop(columns=absent)
    grid = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in shown:
        grid.add_column(
            Text(str(column)), justify="left" if column in ("task", "method") else "right", no_wrap=True
        )
    for record in shown.itertuples(index=False):
        grid.add_row(*map(Text, record))
    console = Console(width=WIDEST, file=io.StringIO(), color_system=None)
    console.print(grid)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    lines = [_head(table), *(line.rstrip() for line in text.splitlines())]
    if absent:
        number = f"{len(absent)} column{'s do' if len(absent) > 1 else ' does'} not fit"
        lines += [
            "",
            *textwrap.wrap(f"{number} ({', '.join(absent)}); --all shows all.", max(width or 0, 20)),
        ]
    return "\n".join(lines).lstrip("\n") + "\n"


def _shortened(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 51]}…{value[-50:]}"


def _as_csv(table: pd.DataFrame) -> str:
    return table.rename(columns=printable).to_csv(index=False)


def _as_markdown(table: pd.DataFrame) -> str:
    shown = _short(table).map(lambda value: value.translate(ESCAPED))
    align = ["left" if column in ("task", "method") else "right" for column in shown]
    text = shown.to_markdown(index=False, disable_numparse=True, colalign=align)
    return f"{_head(table).translate(ESCAPED)}\n\n{text}".lstrip("\n") + "\n"


def _as_latex(table: pd.DataFrame) -> str:
    shown = _short(table)
    align = "".join("l" if column in ("task", "method") else "r" for column in shown)
    return f"% {_head(table)}\n" + shown.to_latex(index=False, escape=True, column_format=align)


FORMATS: dict[TableFormat, Callable[[pd.DataFrame], str]] = {
    "text": _as_text,
    "csv": _as_csv,
    "markdown": _as_markdown,
    "latex": _as_latex,
}
