"""Runs the user's script again in a worker process, so that the classes it registers are known there.

:mod:`multiprocessing` does this too, but with it a script without ``if __name__ == "__main__":`` starts
processes in each worker and never ends. Here, the second run of a script ends where it would start work.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import multiprocessing
import os
import sys
import traceback
from pathlib import Path
from typing import NamedTuple

__all__ = ["GUARD", "Script", "end_second_run", "own_script", "run_again"]

GUARD = (
    "put the call that runs the grid under `if __name__ == '__main__':`; worker processes run the script too"
)
NAME = "__mp_main__"  # as in multiprocessing: unlike __main__, so that guarded code does not run
_running_again = False


class Script(NamedTuple):
    """The source of the main module.

    Attributes:
        path: Absolute path of its file.
        package: Package of a module started with ``python -m``, for relative imports; empty for a file.
    """

    path: str
    package: str


class _SecondRunEnds(BaseException):
    """Ends the second run of a script. It is not an Exception, because a script may catch Exception."""


def own_script() -> Script | None:
    """Return the script of this process; None in an interactive session or for a package's main module."""
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if file is None or not Path(file).is_file() or (spec and spec.name.endswith("__main__")):
        return None
    return Script(os.path.abspath(file), spec.parent or "" if spec else "")


def run_again(script: Script) -> None:
    """Run the script as a module, up to its end or to :func:`end_second_run`.

    An error in it is printed, not raised; classes that it did not reach are then missing in this process.
    """
    global _running_again
    loader = importlib.machinery.SourceFileLoader(NAME, script.path)
    spec = importlib.util.spec_from_loader(NAME, loader)
    assert spec is not None  # noqa: S101  (it is None for a loader of packages only)
    module = importlib.util.module_from_spec(spec)
    module.__package__, module.__spec__ = script.package, None
    sys.modules["__main__"] = sys.modules[NAME] = module  # pickled objects may name either
    _running_again = True
    try:
        loader.exec_module(module)
    except (_SecondRunEnds, SystemExit):
        pass
    except Exception:
        traceback.print_exc()
    finally:
        _running_again = False


def end_second_run() -> None:
    """End the second run of a script; in the user's own process, do nothing. Called before work starts.

    Raises:
        SystemExit: in a process whose script multiprocessing is running again, such as a worker of dask.
    """
    if _running_again:
        raise _SecondRunEnds
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(GUARD)
