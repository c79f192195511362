"""Selection of the rows that a table, figure or study shows: the newest version of each task and method."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from bench.printable import printable
from bench.results.ends_of_scale import SCALE
from bench.results.naming import method_labels, parameters, version_order

__all__ = ["SELECTED_BY", "newest", "of_one_size", "select", "times_of_one_kind"]

# Columns of the store that are needed to select and label rows.
SELECTED_BY = ["task", "task_version", "method", "method_version", "params", "changed_params", "invalid"]
VERSIONS = ["task_version", "method_version"]


def newest(rows: pd.DataFrame, say: Callable[[str], None] | None = None) -> pd.DataFrame:
    """Return the rows of the newest version of each task, method and set of parameters.

    Arguments:
        rows: Rows from :meth:`bench.results.store.Store.read`, with the columns ``SELECTED_BY``.
        say: Function that receives one line for each method of which older rows are left out.
    """
    known = _known(rows)
    codes = known.groupby(VERSIONS, sort=False).ngroup().to_numpy()
    pairs = list(known[VERSIONS].drop_duplicates().itertuples(index=False, name=None))
    order = sorted(pairs, key=lambda pair: tuple(map(version_order, pair)))
    ranks = np.array([order.index(pair) for pair in pairs], dtype=int)
    rank = pd.Series(ranks[codes], index=rows.index, dtype=int)
    kept = rank == rank.groupby([known["task"], known["method"], parameters(rows)]).transform("max")
    if kept.all():
        return rows
    if say is not None:
        _explain(known, kept, say)
    return rows[kept]


def select(
    rows: pd.DataFrame,
    *,
    all_versions: bool = False,
    without: tuple[str, ...] = (),
    say: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Return the rows to show, with ``task`` and ``method`` replaced by their names in tables and figures.

    Invalidated rows are left out. If several versions are shown, the version is part of the name:
    ``flaky@1``, ``flaky@2``. Of ``reference`` and ``prior``, the ends of the scale that all others are
    compared with, only the newest version of each version of a task is shown.

    Arguments:
        rows: Rows from :meth:`bench.results.store.Store.read`, with the columns ``SELECTED_BY``.
        all_versions: Whether to show older versions too, under names of their own.
        without: Names of parameters that labels leave out.
        say: Function that receives one line for each method of which older rows are left out, and one for
            each reason for which rows were invalidated.
    """
    rows = _valid(rows.reset_index(drop=True), say)
    shown = _newest_ends(rows, say) if all_versions else newest(rows, say)
    labels = method_labels(shown, without)
    versions = _known(shown)
    # The newest rows of two methods may be of different versions of the task.
    names = shown["task"].map({name: printable(str(name)) for name in shown["task"].dropna().unique()})
    task = _with_version(names, versions["task_version"], [shown["task"]])
    method = _with_version(labels, versions["method_version"], [shown["task"], labels])
    # The ends of the scale are known by their names.
    return shown.assign(task=task, method=method.where(~shown["method"].isin(SCALE), labels))


def times_of_one_kind(rows: pd.DataFrame, groups: list[str]) -> tuple[pd.DataFrame, tuple[str, str]]:
    """Return the rows whose times can be compared, and their common ``(device, timing)``.

    Times on different devices are never compared, nor ``exclusive`` times with ``shared`` ones. The pair of
    device and timing is the one that most groups have; if two are equally frequent, the exclusive one. Rows
    without a time, as of samples that were made elsewhere, have no say in it.

    Arguments:
        rows: Rows with the columns ``device``, ``timing``, ``train_s``, ``sample_s`` and those of ``groups``.
        groups: Columns that identify a line of a table or a point of a figure.
    """
    kinds = rows.reindex(columns=list(dict.fromkeys([*groups, "device", "timing"])))
    for column, default in (("device", "cpu"), ("timing", "shared")):
        kinds[column] = kinds[column].astype(object).fillna(default)
    have = rows.reindex(columns=["train_s", "sample_s"]).notna().any(axis=1)
    timed = kinds[have] if have.any() else kinds
    counts = timed.drop_duplicates([*groups, "device", "timing"]).groupby(["device", "timing"]).size()
    if counts.empty:
        return rows, ("", "")
    device, timing = min(counts.index, key=lambda kind: (-counts[kind], kind[1] != "exclusive", kind))
    return rows[(kinds["device"] == device) & (kinds["timing"] == timing)], (str(device), str(timing))


def of_one_size(
    rows: pd.DataFrame, groups: list[str], say: Callable[[str], None] | None = None
) -> pd.DataFrame:
    """Return the rows with the same number of posterior samples, because a C2ST depends on this number.

    The number is the one that most groups have; if two are equally frequent, the larger one.

    Arguments:
        rows: Rows with the columns ``num_posterior_samples`` and those of ``groups``.
        groups: Columns that identify a line of a table or a point of a figure.
        say: Function that receives one line if rows are left out.
    """
    numbers = rows.reindex(columns=["num_posterior_samples"])["num_posterior_samples"]
    counts = rows[groups].assign(number=numbers).drop_duplicates().groupby("number").size()
    if counts.empty:
        return rows
    size = max(counts.index, key=lambda number: (counts[number], number))
    if say is not None and (numbers != size).any():
        say(f"{int((numbers != size).sum())} rows are left out: their number of samples is not {size:.0f}")
    return rows[numbers == size]


def _valid(rows: pd.DataFrame, say: Callable[[str], None] | None) -> pd.DataFrame:
    """Return the rows that were not invalidated; rows of an older suite have no such column."""
    reasons = rows.reindex(columns=["invalid"])["invalid"]
    if not reasons.notna().any():
        return rows
    if say is not None:
        for reason, number in reasons.value_counts().items():
            say(f"{number} rows are left out, which were invalidated: {printable(str(reason))}")
    return rows[reasons.isna()].reset_index(drop=True)


def _newest_ends(rows: pd.DataFrame, say: Callable[[str], None] | None) -> pd.DataFrame:
    """Return the rows without those of older versions of the two ends of the scale."""
    ends = rows["method"].isin(SCALE)
    kept = [newest(of_task) for _, of_task in rows[ends].groupby(["task", "task_version"], dropna=False)]
    if sum(map(len, kept)) == ends.sum():
        return rows
    if say is not None:
        say(f"older versions of {' and '.join(SCALE)}, which all others are compared with, are left out")
    return pd.concat([rows[~ends], *kept]).sort_index()


def _known(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that rows are selected by; a missing version becomes an empty string."""
    known = rows.reindex(columns=SELECTED_BY)
    return known.assign(**{name: _filled(known[name]) for name in VERSIONS})


def _filled(texts: pd.Series) -> pd.Series:
    if isinstance(texts.dtype, pd.StringDtype):
        return texts.fillna("")
    return texts.astype(object).fillna("").astype(str)


def _with_version(names: pd.Series, versions: pd.Series, within: list[pd.Series]) -> pd.Series:
    """Append the version to names for which rows that agree in all of ``within`` have several versions."""
    several = versions.groupby(within).transform("nunique") > 1
    if not several.any():
        return names
    return names.where(~several, names.astype(str) + "@" + versions.replace("", "?"))


def _explain(known: pd.DataFrame, kept: pd.Series, say: Callable[[str], None]) -> None:
    labels = method_labels(known)
    for (task, label), group in known[~kept].groupby([known["task"], labels]):
        new = known[kept & (known["task"] == task) & (labels == label)].iloc[0]
        for column, name in zip(VERSIONS, (task, label), strict=True):
            old = sorted(set(group[column]) - {new[column]}, key=version_order)
            if old:
                left_out = ", ".join(f"{name}@{version or '?'}" for version in old)
                say(
                    f"{task} {label}: {len(group)} rows of {left_out} are left out, the newest is "
                    f"{name}@{new[column]}; --all-versions shows them"
                )
