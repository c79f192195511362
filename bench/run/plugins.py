"""Plug-ins: Python files of the user that register their own tasks and methods."""

from __future__ import annotations

import ast
import importlib.util
import sys
import threading
from collections.abc import Iterable
from importlib.machinery import PathFinder
from pathlib import Path

from bench.errors import UsageError

__all__ = ["PLUGIN", "absolute", "load_plugin", "load_plugins"]

PLUGIN = "scorebench_plugin_"  # prefix of the name of the module that a plug-in file becomes
SUITE = {"bench", "methods", "registries", "tasks"}

_folders: list[str] = []  # folders that plug-ins have put on the module search path
_lock = threading.RLock()  # two threads of a cluster's worker may load the same file


def absolute(path: str) -> str:
    """Return the absolute path, which is valid in any working directory; symbolic links are not resolved."""
    return str(Path(path).absolute())


def load_plugins(paths: Iterable[str]) -> None:
    """Call :func:`load_plugin` for each path; all are relative to the working directory before the first."""
    for path in [absolute(path) for path in paths]:  # a plug-in may change the working directory
        load_plugin(path)


def load_plugin(path: str) -> None:
    """Run a Python file whose classes register themselves; a second call for the same file does nothing.

    The file can import modules in its folder. The folder is appended to the search path, so that no file in
    it shadows an installed module.

    Raises:
        UsageError: if the file is missing, raises an error, or imports a module of its folder whose name is
            also that of a module in another plug-in's folder.
    """
    from tasks.contract.seeding import derive_seed  # imports torch, which most commands do not need at once

    file = Path(path).resolve()
    number = derive_seed("plug-in", str(file))
    name = f"{PLUGIN}{file.stem}_{number}"
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
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[name]
            if isinstance(error, KeyboardInterrupt):
                raise
            raise UsageError(f"plugin {path}: {_reason(error)}") from error


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


def _reason(error: BaseException) -> str:
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, ImportError) and "relative import" in str(error):
        reason += "; a plugin is not part of a package: write `import module` for a module in its folder"
    return reason
