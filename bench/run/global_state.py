"""Global state of a process, which the code of a task or method must leave as it found it.

A changed default dtype, working directory or patched function would affect every later cell of the process,
without an error. The state is compared before and after, and changed back as far as that is possible.
"""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
from collections.abc import Callable, Collection, Iterator
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, NamedTuple

import torch

__all__ = ["GlobalState", "watched"]

# Modules besides the suite's own whose functions are compared: those that all methods and metrics use.
SHARED: tuple[str, ...] = ("builtins", "math", "os", "random", "time")
SHARED += ("numpy", "numpy.linalg", "numpy.random", "torch", "torch.linalg", "torch.nn.functional")
OWN = "bench.run.plugins."  # prefix of the modules of plug-ins, which may replace what is their own
INSTALLED = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType, type)


class _Setting(NamedTuple):
    """One setting: its name in messages, and how to read and set it."""

    name: str
    get: Callable[[], Any]
    set: Callable[[Any], object]


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return None


def _change_directory(path: str | None) -> None:
    if path is not None:
        with contextlib.suppress(OSError):
            os.chdir(path)


SETTINGS = (
    _Setting("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
    _Setting(
        "torch's default device",
        lambda: str(torch.get_default_device()),
        lambda device: torch.set_default_device(None if device == "cpu" else device),
    ),
    _Setting("torch's gradient mode", torch.is_grad_enabled, torch.set_grad_enabled),
    _Setting("torch's anomaly mode", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    _Setting("torch's number of threads", torch.get_num_threads, torch.set_num_threads),
    _Setting(
        "torch's deterministic mode",
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
    ),
    _Setting("working directory", _working_directory, _change_directory),
)


class GlobalState:
    """The state at the time of creation.

    Arguments:
        patches: Packages whose functions and classes are compared, and those of the modules in ``shared``.
        shared: Names of further modules; those not imported yet are left out.
    """

    def __init__(self, patches: Collection[str] = (), shared: Collection[str] = ()) -> None:
        self._settings = {setting.name: setting.get() for setting in SETTINGS}
        self._files = {number: _identity(number) for number in range(3)}
        self._copies = {number: os.dup(number) for number, file in self._files.items() if file is not None}
        self._functions = {
            (name, id(owner)): (owner, dict(_functions(owner)))
            for name, owner in _owners(frozenset(patches), frozenset(shared))
        }

    def restored(self, but: Collection[str] = ()) -> list[str]:
        """Change back what has changed, and return a description of each change.

        Arguments:
            but: Names of settings that are neither compared nor changed back.
        """
        changes = []
        for setting in SETTINGS:
            before, now = self._settings[setting.name], setting.get()
            if before != now and setting.name not in but:
                changes.append(f"{setting.name} from {before} to {now}")
                setting.set(before)
        for number, before in self._files.items():
            if before is not None and _identity(number) != before:
                changes.append(f"file descriptor {number}, which it closed or replaced")
                self._reopen(number, before)
        for (name, _), (owner, before) in self._functions.items():
            now = vars(owner)
            for attribute, value in before.items():
                found = now.get(attribute)
                # Installed packages replace functions of torch when they are first imported.
                if found is not value and not (name in SHARED and _is_installed(found)):
                    changes.append(f"replaced {name}.{attribute}")
                    setattr(owner, attribute, value)
        return changes

    def close(self) -> None:
        """Close the copies of file descriptors that are kept for :meth:`restored`."""
        for copy in self._copies.values():
            with contextlib.suppress(OSError):
                os.close(copy)

    def _reopen(self, number: int, before: tuple[int, int]) -> None:
        copy = self._copies[number]
        if _identity(copy) == before:
            os.dup2(copy, number)
            return
        opened = os.open(os.devnull, os.O_RDWR)  # the copy was closed too
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)


@contextlib.contextmanager
def watched(patches: Collection[str] = (), shared: Collection[str] = ()) -> Iterator[GlobalState]:
    """Return a context with the state at its beginning; the arguments are those of :class:`GlobalState`."""
    state = GlobalState(patches, shared)
    try:
        yield state
    finally:
        state.close()


def _identity(number: int) -> tuple[int, int] | None:
    """Return device and inode of an open file; None if the descriptor is closed."""
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _owners(packages: frozenset[str], shared: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """Yield the modules of packages, the classes that they define, and shared modules, with their names."""
    for name, module in list(sys.modules.items()):
        if name in shared:
            yield name, module
        elif name.partition(".")[0] in packages and not name.startswith(OWN) and module is not None:
            yield name, module
            for attribute, value in list(vars(module).items()):
                if isinstance(value, type) and value.__module__ == name:
                    yield f"{name}.{attribute}", value


def _is_installed(function: Any) -> bool:
    """Whether a function's code is in Python's library or in an installed package."""
    code = getattr(function, "__code__", None)
    # An environment may see the packages of another one.
    seen = {path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages")}
    return code is not None and code.co_filename.startswith(tuple(INSTALLED | seen))


def _functions(owner: Any) -> Iterator[tuple[str, Any]]:
    kinds = (*FUNCTIONS, classmethod, staticmethod, property) if isinstance(owner, type) else FUNCTIONS
    for name, value in list(vars(owner).items()):
        if isinstance(value, kinds):
            yield name, value
