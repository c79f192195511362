"""Checks of rows that were read from files: whether they are rows of this suite, as tables and figures need.

Each check looks at whole columns, so that it takes no longer for the rows of a thousand files than for those
of a few.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.metrics.calibration_pairs import LEVELS

__all__ = ["NEEDED", "UnfitError", "check_rows", "check_shown"]

NEEDED = ("num_observation", "status")  # have a value in every row
# Have a value in every row that a table or figure shows.
SHOWN = ("task", "method", "num_simulations")
JSON = ("params", "changed_params", "metric_errors")
CURVES = ("sbc_curve", "coverage_curve", "tarp_curve")
FINITE = ("c2st", "simulate_s", "train_s", "sample_s", "sample_s_raw", "cell_s", "cell_cpu_s", "energy_j")
LEAST = {
    "num_observation": 0,
    "num_simulations": 1,
    "num_posterior_samples": 0,
    "batch_size": 1,
    "num_calibration": 0,
    "num_calibration_finite": 0,
}
KEY = re.compile(r"[\w.-]{1,200}")


class UnfitError(ValueError):
    """The file is sound, but its rows are not rows of this suite."""


def check_rows(table: pa.Table) -> None:
    """Check the values in the columns of a table.

    Arguments:
        table: Rows of one or several files, with ``NEEDED`` columns, ``cell`` and any others of ``SCHEMA``.

    Raises:
        UnfitError: if a value is missing, a text is no JSON object, a number is infinite or too small, or a
            curve has another length.
        pyarrow.ArrowException: if a text is not UTF-8.
    """
    table.validate(full=True)
    for check in (_check_needed, _check_json, _check_curves, _check_numbers):
        check(table)


def check_shown(table: pa.Table) -> None:
    """Check that every row has what a table or figure groups rows by, and that no row is counted twice.

    Raises:
        UnfitError: if a value is missing, or two rows of a cell are of one observation.
    """
    names = set(table.column_names)
    pairs = list(zip(*(table[name].to_pylist() for name in ("cell", "num_observation")), strict=True))
    if len(set(pairs)) < len(pairs):
        raise UnfitError("it has two rows of one observation")
    _check_present(table, [name for name in SHOWN if name in names])
    if {"status", "num_posterior_samples"} <= names:
        # Numbers are at least 0, so that what is not positive is 0 or missing.
        some = pc.fill_null(pc.greater(table["num_posterior_samples"], 0), False)
        if pc.any(pc.and_not(pc.equal(table["status"], "ok"), some)).as_py():
            raise UnfitError("a row with status ok has no num_posterior_samples")


def _check_needed(table: pa.Table) -> None:
    names = set(table.column_names)
    _check_present(table, [name for name in NEEDED if name in names])
    if any(cell is None or KEY.fullmatch(cell) is None for cell in _values(table, "cell")):
        raise UnfitError("its column 'cell' holds what is no name of a cell")


def _check_present(table: pa.Table, names: Sequence[str]) -> None:
    for name in names:
        if table[name].null_count:
            raise UnfitError(f"a row has no value in column {name!r}")


def _check_json(table: pa.Table) -> None:
    for name in _of(table, JSON):
        for text in _values(table, name):
            if text is None or text == "{}":
                continue
            try:
                fits = isinstance(json.loads(text), dict)
            except (ValueError, RecursionError):
                fits = False
            if not fits:
                raise UnfitError(f"its column {name!r} holds what is no JSON object")


def _check_curves(table: pa.Table) -> None:
    for name in _of(table, CURVES):
        column = table[name].drop_null()
        if not len(column):
            continue
        sizes = pc.list_value_length(column).to_numpy()
        # The curve of SBC ranks is one for each parameter, the others are one.
        fits = (sizes > 0) & (sizes % len(LEVELS) == 0) if name == "sbc_curve" else sizes == len(LEVELS)
        values = pc.list_flatten(column)
        if not fits.all() or values.null_count or not np.isfinite(values.to_numpy()).all():
            raise UnfitError(f"its column {name!r} is no curve of {len(LEVELS)} finite numbers")


def _check_numbers(table: pa.Table) -> None:
    for name in _of(table, FINITE):
        if pc.any(pc.is_inf(table[name])).as_py():
            raise UnfitError(f"its column {name!r} is infinite")
    for name in _of(table, LEAST):
        least = pc.min(table[name]).as_py()
        if least is not None and least < LEAST[name]:
            raise UnfitError(f"its column {name!r} is less than {LEAST[name]}")


def _values(table: pa.Table, name: str) -> list[str | None]:
    """Return the different texts in a column."""
    return pc.unique(table[name]).to_pylist()


def _of(table: pa.Table, names: Iterable[str]) -> list[str]:
    there = set(table.column_names)
    return [name for name in names if name in there]
