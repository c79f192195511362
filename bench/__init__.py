"""The benchmark around tasks and methods: grid, runner, store, metrics, tables, figures, command line.

``bench.run(...)`` runs a grid and ``bench.load(...)`` reads its rows; see :mod:`bench.run.from_python`. Both
are imported when they are first used, because they need torch and pandas.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from bench.version import VERSION

if TYPE_CHECKING:
    from bench.run.from_python import load, run

__version__ = VERSION

__all__ = ["__version__", "load", "run"]


def __getattr__(name: str) -> Any:
    if name == "run":  # this package can be called, see its own file
        return importlib.import_module("bench.run")
    if name == "load":
        return importlib.import_module("bench.run.from_python").load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
