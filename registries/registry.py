"""A registry: classes by name, the suite's own, a user's and those of installed packages."""

from __future__ import annotations

import difflib
import inspect
import re
import threading
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import ClassVar, Generic, Protocol, TypeVar

from registries.entry_points import EntryPoints

__all__ = ["Registry", "RegistryError", "nearest"]


class RegistryError(LookupError):
    """No class is registered under a name, or the class cannot be used."""


class _Named(Protocol):
    name: ClassVar[str]


Kind = TypeVar("Kind", bound=_Named)


class Registry(Generic[Kind]):
    """Classes of one kind by name.

    Entry points of installed packages are loaded at the first look-up, not at import: a package's module
    imports the very package that the registry belongs to.

    Arguments:
        kind: Word for messages, such as ``task``.
        base: Class that a registered class has to be derived from.
        unknown: Error for a name that is not registered.
    """

    def __init__(self, kind: str, base: type[Kind], unknown: type[RegistryError]) -> None:
        self._kind, self._base, self._unknown = kind, base, unknown
        self._classes: dict[str, type[Kind]] = {}
        self._entry_points = EntryPoints(f"scorebench.{kind}s")
        self._lock = threading.RLock()  # a package may look names up while it is loaded

    def register(self, name: str) -> Callable[[type[Kind]], type[Kind]]:
        """Class decorator that makes a class known under ``name`` (lower case, digits, underscores).

        Raises:
            ValueError: if the name is malformed, or another class has it.
            TypeError: if the class leaves out a method of the contract.
        """
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise ValueError(f"{self._kind} name {name!r}: lower-case letters, digits and underscores only")

        def add(cls: type[Kind]) -> type[Kind]:
            known = self._classes.get(name)
            # The same class again is a module that was reloaded.
            if known is not None and _path(known) != _path(cls):
                raise ValueError(f"{self._kind} name {name!r} is taken by {_path(known)}")
            if inspect.isabstract(cls):
                missing = ", ".join(sorted(cls.__abstractmethods__))
                raise TypeError(f"{self._kind} {name!r}: class {cls.__qualname__} does not define {missing}")
            cls.name = name
            self._classes[name] = cls
            return cls

        return add

    def own(self) -> dict[str, type[Kind]]:
        """Classes registered so far by name, without a look at installed packages."""
        return dict(self._classes)

    def classes(self) -> dict[str, type[Kind]]:
        """All registered classes by name, those of installed packages among them."""
        with self._lock:
            self._entry_points.load(self._take)
            return dict(self._classes)

    def find(self, name: str) -> type[Kind]:
        """The class registered under ``name``.

        Raises:
            RegistryError: naming the nearest known name, or why the package that has it was not loaded.
        """
        known = self.classes()
        if name not in known:
            hint = self._entry_points.failed.get(name) or nearest(name, known)
            raise self._unknown(f"unknown {self._kind} {name!r}; {hint}")
        return known[name]

    def _take(self, name: str, found: object) -> None:
        """Register what an entry point refers to: a class, or a module whose import registers classes."""
        if isinstance(found, ModuleType):
            package = found.__name__.partition(".")[0]
            if package not in {cls.__module__.partition(".")[0] for cls in self._classes.values()}:
                raise LookupError(f"module {found.__name__} registers no {self._kind}")
        elif not (isinstance(found, type) and issubclass(found, self._base)):
            raise TypeError(f"{found!r} is neither a module nor derived from {self._base.__name__}")
        elif found not in self._classes.values():  # a decorated class keeps the name of its decorator
            self.register(name)(found)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a misspelt word: the nearest known one, or all of them.

    Example:
        >>> nearest("density_estimater", ["density_estimator", "seed"])
        "did you mean 'density_estimator'?"
    """
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(known)}" if known else "there are none"


def _path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
