"""Plug-ins: Python files of the user that register their own tasks and methods.

A plug-in becomes a module ``bench.run.plugins.STEM_NUMBER``. A process that the plug-in's code starts, by
multiprocessing or joblib, imports it under this name: it inherits the module search path, on which the folder
of the plug-in is.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from bench.errors import UsageError

__all__ = ["PLUGIN", "SUITE", "absolute", "is_from_plugin", "load_plugin", "load_plugins", "notes"]

PLUGIN = f"{__name__}."  # prefix of the name of the module that a plug-in file becomes
SUITE = {"bench", "methods", "registries", "tasks"}

__path__: list[str] = []  # makes this module a package, whose modules are found by _Finder

_notes: dict[str, str] = {}  # by path: what a plug-in changed when it was imported, and was changed back
_folders: list[str] = []  # folders that plug-ins have put on the module search path
_lock = threading.RLock()  # two threads of a cluster's worker may load the same file


def absolute(path: str) -> str:
    """Return the absolute path, which is valid in any working directory; symbolic links are not resolved."""
    return str(Path(path).absolute())


def load_plugins(paths: Iterable[str]) -> None:
    """Call :func:`load_plugin` for each path; all are relative to the working directory before the first."""
    for path in [absolute(path) for path in paths]:  # a plug-in may change the working directory
        load_plugin(path)


def notes() -> list[str]:
    """Return a line for each plug-in whose import changed global settings, which were changed back."""
    return list(_notes.values())


def is_from_plugin(cls: type) -> bool:
    """Whether a class is defined in the file of a plug-in."""
    return cls.__module__.startswith(PLUGIN)


def load_plugin(path: str) -> None:
    """Run a Python file whose classes register themselves; a second call for the same file does nothing.

    The file can import modules in its folder. The folder is appended to the search path, so that no file in
    it shadows an installed module. Global settings of torch, such as the default dtype, are what they were
    afterwards: they would hold for all cells. The working directory is left as the file sets it.

    Raises:
        UsageError: if the file is missing, raises an error, replaces functions of the suite, or imports a
            module of its folder whose name is also that of a module in another plug-in's folder.
    """
    from bench.run.global_state import watched  # imports torch

    file = Path(path).resolve()
    name = _module_name(file)
    with _lock:
        if name in sys.modules:
            return
        if not file.is_file():
            raise UsageError(f"plugin: no file {path}")
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise UsageError(f"plugin {path}: not a Python file (name it *.py)")
        _join_search_path(file, path)
        module = importlib.util.module_from_spec(spec)
        module.__package__ = ""  # a relative import is refused, and does not find the suite's own modules
        sys.modules[name] = module
        try:
            with watched(patches=SUITE) as state, _exit_refused():
                spec.loader.exec_module(module)
                changes = state.restored(but=("working directory",))
        except BaseException as error:
            del sys.modules[name]
            if isinstance(error, KeyboardInterrupt):
                raise
            raise UsageError(f"plugin {path}: {_reason(error)}") from error
        replaced = [change for change in changes if change.startswith("replaced")]
        if replaced:
            del sys.modules[name]
            raise UsageError(f"plugin {path}: its import {', '.join(replaced)}, which all cells use")
        if changes:
            _notes[name] = f"plugin {path}: its import changed {', '.join(changes)}; changed back"


def _module_name(file: Path) -> str:
    from tasks.contract.seeding import derive_seed  # imports torch, which most commands do not need at once

    return f"{PLUGIN}{re.sub(r'[^0-9a-zA-Z_]', '_', file.stem)}_{derive_seed('plug-in', str(file))}"


class _Finder(MetaPathFinder):
    """Finds the file of a plug-in by the module's name, in a process that has not loaded the plug-in."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(PLUGIN):
            return None
        for folder in reversed(sys.path):  # folders of plug-ins come last
            for file in sorted(Path(folder).glob("*.py")):
                if _module_name(file) == fullname:
                    return importlib.util.spec_from_file_location(fullname, file)
        return None


sys.meta_path.append(_Finder())


def _join_search_path(file: Path, path: str) -> None:
    """Append the file's folder to the search path.

    Raises:
        UsageError: if an import in the file would find a module in another plug-in's folder.
    """
    folder = str(file.parent)
    if folder in _folders:
        return
    for name in _imported_neighbours(file):
        other = PathFinder.find_spec(name, _folders)
        if other is not None and PathFinder.find_spec(name, sys.path) == other:
            raise UsageError(
                f"plugin {path}: it imports {name}, which is a module in {folder} and in another plugin's "
                f"folder ({other.origin}); rename one of them"
            )
    _folders.append(folder)
    if folder not in sys.path:
        sys.path.append(folder)


def _imported_neighbours(file: Path) -> set[str]:
    """Return the modules of the file's folder that it imports anywhere, directly or through one another."""
    found: set[str] = set()
    left = [file]
    while left:
        for name in _imports(left.pop()) - found - SUITE:
            spec = PathFinder.find_spec(name, [str(file.parent)])
            if spec is not None and spec.origin is not None:
                found.add(name)
                left.append(Path(spec.origin))
    return found


def _imports(file: Path) -> set[str]:
    """Return the top-level names of the modules that a file imports."""
    try:
        nodes = list(ast.walk(ast.parse(file.read_bytes())))
    except (SyntaxError, ValueError, OSError):
        return set()  # not valid Python source: the error when it is run says more
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [
        node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level
    ]
    return {name.partition(".")[0] for name in names}


@contextlib.contextmanager
def _exit_refused() -> Iterator[None]:
    """Let a call of ``os._exit`` raise SystemExit, since otherwise the command would end without a word."""

    def refused(status: int) -> NoReturn:
        raise SystemExit(f"os._exit({status}) during the import")

    before = os._exit
    os._exit = refused
    try:
        yield
    finally:
        os._exit = before


def _reason(error: BaseException) -> str:
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, ImportError) and "relative import" in str(error):
        reason += "; a plugin is not part of a package: write `import module` for a module in its folder"
    return reason
