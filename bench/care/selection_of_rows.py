"""Selection of rows by task, method, budget, seed and observation, as the options of commands name them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

import methods
from bench.errors import UsageError
from bench.printable import printable
from bench.results.naming import method_labels
from methods import SpecError
from methods.contract.spec import parse
from registries import RegistryError

__all__ = ["SELECTING", "Selection"]

# Columns of the store that a selection needs.
SELECTING = ["cell", "task", "method", "params", "changed_params", "num_simulations", "seed"]
SELECTING += ["num_observation", "started_at"]
MOST_NAMED = 20  # values in a message


@dataclass(frozen=True)
class Selection:
    """Conditions on rows; a row is selected if it fits one value of each condition that has any.

    Arguments:
        task: Names of tasks.
        method: Specifications. ``npe`` selects all parameters, ``npe[density_estimator=maf]`` the rows with
            this value.
        num_simulations: Budgets.
        seed: Seeds.
        observation: Numbers of observations.
    """

    task: Sequence[str] = ()
    method: Sequence[str] = ()
    num_simulations: Sequence[int] = ()
    seed: Sequence[int] = ()
    observation: Sequence[int] = ()

    def __bool__(self) -> bool:
        """Whether there is a condition."""
        return any((self.task, self.method, self.num_simulations, self.seed, self.observation))

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that are selected.

        Arguments:
            rows: Rows with the columns ``SELECTING``.

        Raises:
            UsageError: if no row has the task, method, budget, seed or observation of a condition, or a
                specification does not parse.
        """
        kept = pd.Series(True, index=rows.index)
        values = {
            "task": self.task,
            "num_simulations": self.num_simulations,
            "seed": self.seed,
            "num_observation": self.observation,
        }
        for column, wanted in values.items():
            if wanted:
                _check_there(column.removeprefix("num_"), wanted, rows[column])
                kept &= rows[column].isin(list(wanted))
        if self.method:
            kept &= _of_methods(rows, self.method)
        return rows[kept]


def _check_there(name: str, wanted: Iterable[Any], column: pd.Series) -> None:
    there = set(column.dropna().unique())
    for value in wanted:
        if value not in there:
            known = ", ".join(printable(str(one)) for one in sorted(there)[:20])
            more = ", …" if len(there) > 20 else ""
            raise UsageError(
                f"{name} = {printable(str(value))}: no rows here; there are {known or 'none'}{more}"
            )


def _some(values: set[Any]) -> str:
    """Return up to ``MOST_NAMED`` values as text."""
    texts = [printable(str(one)) for one in sorted(values)]
    return ", ".join([*texts[:MOST_NAMED], *(["…"] if len(texts) > MOST_NAMED else [])]) or "none"


def _of_methods(rows: pd.DataFrame, specs: Sequence[str]) -> pd.Series:
    """Return whether each row is of one of the methods."""
    columns = ["method", "params"]
    pairs = rows[columns].astype(object).where(rows[columns].notna(), "")
    keys = list(pairs.itertuples(index=False, name=None))
    parsed = {key: json.loads(key[1] or "{}") for key in set(keys)}
    found: set[tuple[str, str]] = set()
    for spec in specs:
        fits = set()
        for name, given in _wanted(spec):
            fits |= {key for key, params in parsed.items() if key[0] == name and _has(params, given)}
        if not fits:
            there = _some(set(method_labels(rows)))
            raise UsageError(f"method = {printable(spec)}: no rows here; there are {there}")
        found |= fits
    return pd.Series([key in found for key in keys], index=rows.index, dtype=bool)


def _wanted(spec: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the name and the given parameters of each method that a specification names.

    Values of a method that is registered here are those that the method makes of them: 0.001 of 1e-3.
    """
    try:
        name, sets = parse(spec)
        if name in methods.names():
            given = [
                one.model_dump(mode="json", include=one.model_fields_set) for one in methods.expand(spec)
            ]
            return [(name, one) for one in given]
        return [(name, given) for given in sets]
    except (SpecError, RegistryError) as error:
        raise UsageError(str(error)) from None


def _has(params: dict[str, Any], given: dict[str, Any]) -> bool:
    return all(name in params and params[name] == value for name, value in given.items())
