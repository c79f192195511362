"""Rows that today's code would not make: their task or method has been changed since."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

import tasks
from bench.results.naming import version_order
from bench.run.sources import source_sha256
from methods.contract.registry import method_class
from registries import RegistryError

__all__ = ["STALE_BY", "stale"]

# Columns of the store that are needed to find stale rows.
STALE_BY = ["task", "task_version", "task_sha256", "method", "method_version", "method_sha256"]
Known = tuple[str, str | None] | None  # version and fingerprint today; None if there is no such class here


def stale(rows: pd.DataFrame, say: Callable[[str], None] | None = None) -> pd.Series:
    """Return whether each row is of an older version of its task or method, or of other source code.

    Rows of a newer version than today's are not stale. Rows of an older suite, without fingerprints, are
    judged by their versions alone.

    Arguments:
        rows: Rows with the columns ``STALE_BY``.
        say: Function that receives a line for each task and method that is not registered here, whose rows
            count as not stale.
    """
    found = pd.Series(False, index=rows.index)
    for kind, today in (("task", _task), ("method", _method)):
        columns = [kind, f"{kind}_version", f"{kind}_sha256"]
        known = rows[columns].astype(object).where(rows[columns].notna(), None)
        keys = list(known.itertuples(index=False, name=None))
        old: dict[tuple[str, str | None, str | None], bool] = {}
        for name in sorted({key[0] for key in keys if key[0] is not None}):
            now = today(name)
            if now is None and say is not None:
                say(f"{kind} {name!r} is not registered here, so its rows are not stale; --plugin loads it")
            old |= {key: _is_older(key[1], key[2], now) for key in set(keys) if key[0] == name}
        found |= pd.Series([old.get(key, False) for key in keys], index=rows.index, dtype=bool)
    return found


def _is_older(version: str | None, sha256: str | None, now: Known) -> bool:
    if now is None:
        return False
    there, here = version_order(version or ""), version_order(now[0])
    return there < here or (there == here and None not in (sha256, now[1]) and sha256 != now[1])


def _task(name: str) -> Known:
    try:
        cls = tasks.task_class(name)
    except RegistryError:
        return None
    return str(cls.version), source_sha256(cls)


def _method(name: str) -> Known:
    try:
        cls = method_class(name)
    except RegistryError:
        return None
    return str(cls.version), source_sha256(cls)
