"""Rows in, a table out: means over observations and seeds, as text, CSV, Markdown or LaTeX."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Literal

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.labels import method_labels

__all__ = ["FORMATS", "NEEDED", "TableFormat", "render", "summarize"]

TableFormat = Literal["text", "csv", "markdown", "latex"]

# Rows that differ in one of these are never averaged together.
KEYS = ["task", "num_simulations", "method", "num_posterior_samples", "batch_size", "device", "timing"]
MEANS = [
    "c2st",
    "c2st_es",
    "mmd2",
    "sliced_w2",
    "marginal_kl",
    "gaussian_kl",
    "gaussian_w2",
    "ppc",
    "outside_prior",
    "sbc_ks",
    "coverage_error",
    "tarp_ece",
    "simulate_s",
    "train_s",
    "sample_s",
    "sample_s_raw",
    "energy_j",
    "nfe",
    "num_parameters",
]
NEEDED = [*KEYS, "params", "status", *MEANS]
DIGITS = dict.fromkeys(["c2st", "c2st_std", "c2st_es", "sliced_w2", "outside_prior"], 3)
DIGITS |= dict.fromkeys(["sbc_ks", "coverage_error", "tarp_ece"], 3)
DIGITS |= dict.fromkeys(["mmd2", "marginal_kl", "gaussian_kl", "gaussian_w2"], 4)
# Not every task or run has these.
OPTIONAL = ["marginal_kl", "gaussian_kl", "gaussian_w2", "sbc_ks", "coverage_error", "tarp_ece"]
OPTIONAL += ["sample_s_raw", "energy_j"]
ONCE = ["num_posterior_samples", "batch_size", "device", "timing"]  # not shown where the same everywhere


def summarize(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over observations and seeds.

    Arguments:
        rows: As :meth:`bench.store.Store.read` gives them, of its columns at least ``NEEDED``.

    Returns:
        One row for each task, budget, method, number of samples, device and kind of timing, in the order
        of tasks and budgets with the best c2st first: ``KEYS``, the means, ``c2st_std`` over observations
        and seeds, ``rows`` that the means are over and ``failed`` ones that they leave out.
    """
    # Rows from before there were batches are of one observation each.
    frame = rows.assign(method=method_labels(rows), batch_size=rows["batch_size"].fillna(1).astype(int))
    good = frame[frame["status"] == "ok"]
    means = good.groupby(KEYS)[MEANS].mean()
    means.insert(1, "c2st_std", good.groupby(KEYS)["c2st"].std())
    means["rows"] = good.groupby(KEYS).size()
    # A failed row knows how many samples were asked for, not how many there are: count it by the rest.
    loose = [key for key in KEYS if key != "num_posterior_samples"]
    failed = frame[frame["status"] != "ok"].groupby(loose).size().rename("failed")
    table = means.reset_index().merge(failed.reset_index(), on=loose, how="outer")
    counts = ["num_simulations", "num_posterior_samples", "rows", "failed"]
    table[counts] = table[counts].fillna(0).astype(int)
    return table.sort_values(["task", "num_simulations", "c2st"], ignore_index=True)


def render(table: pd.DataFrame, form: TableFormat) -> str:
    """The table of :func:`summarize` as a string, ending in a newline."""
    return FORMATS[form](table)


def _short(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers to the digits that mean something; columns that say the same everywhere are left out."""
    dropped = [key for key in ONCE if table[key].nunique() == 1]
    dropped += [column for column in OPTIONAL if table[column].isna().all()]
    if not table["failed"].any():
        dropped.append("failed")
    shown = table.drop(columns=dropped)
    for column in shown.columns.intersection([*MEANS, "c2st_std"]):
        digits = DIGITS.get(column)
        shown[column] = [_number(value, digits) for value in shown[column]]
    return shown.astype(str)


def _number(value: float, digits: int | None) -> str:
    if pd.isna(value):
        return "-"
    if digits is not None:
        return f"{value:.{digits}f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}"


def _as_text(table: pd.DataFrame) -> str:
    shown = _short(table)
    grid = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in shown:
        grid.add_column(
            Text(str(column)), justify="left" if column in ("task", "method") else "right", no_wrap=True
        )
    for record in shown.itertuples(index=False):
        grid.add_row(*(Text(value) for value in record))
    console = Console(width=400, file=io.StringIO(), color_system=None)
    console.print(grid)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def _as_csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False)


def _as_markdown(table: pd.DataFrame) -> str:
    shown = _short(table).map(lambda value: value.replace("|", "\\|").replace("<", "&lt;"))
    align = ["left" if column in ("task", "method") else "right" for column in shown]
    return shown.to_markdown(index=False, disable_numparse=True, colalign=align) + "\n"


def _as_latex(table: pd.DataFrame) -> str:
    shown = _short(table)
    align = "".join("l" if column in ("task", "method") else "r" for column in shown)
    return shown.to_latex(index=False, escape=True, column_format=align)


FORMATS: dict[TableFormat, Callable[[pd.DataFrame], str]] = {
    "text": _as_text,
    "csv": _as_csv,
    "markdown": _as_markdown,
    "latex": _as_latex,
}
