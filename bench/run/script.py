"""The user's script in a worker process, which runs it again to know the classes that it registers.

That is what :mod:`multiprocessing` does too, but there a script without ``if __name__ == "__main__":`` starts
processes of its own, and waits for ever. Here the second run of a script ends where it would start work.
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
NAME = "__mp_main__"  # as in multiprocessing: not __main__, so that guarded code is left out
_running_again = False


class Script(NamedTuple):
    """Where the main module comes from.

    Attributes:
        path: Its file, absolute.
        package: Package of a module that was started with ``python -m``, for its relative imports.
    """

    path: str
    package: str


class _SecondRunEnds(BaseException):
    """Not an Exception: a script that catches these would go on."""


def own_script() -> Script | None:
    """The script of this process; None in an interactive session and for the main module of a package."""
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if file is None or not Path(file).is_file() or (spec and spec.name.endswith("__main__")):
        return None
    return Script(os.path.abspath(file), spec.parent or "" if spec else "")


def run_again(script: Script) -> None:
    """Run the script as a module, up to its end or to :func:`end_second_run`.

    What it raises is printed: the names that it would have registered are then missing in this process.
    """
    global _running_again
    loader = importlib.machinery.SourceFileLoader(NAME, script.path)
    spec = importlib.util.spec_from_loader(NAME, loader)
    assert spec is not None  # noqa: S101  (it is None for a loader of packages only)
    module = importlib.util.module_from_spec(spec)
    module.__package__, module.__spec__ = script.package, None
    sys.modules["__main__"] = sys.modules[NAME] = module  # what was pickled names its classes by either
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
    """Called before work is started: goes on in the user's own process, ends a script that is run again.

    Raises:
        SystemExit: in a process whose script multiprocessing runs again, such as a worker of dask.
    """
    if _running_again:
        raise _SecondRunEnds
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(GUARD)
