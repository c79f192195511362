"""A registry of classes by name: those of this suite, of a user's plug-ins and of installed packages."""

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
    """Classes of one kind (tasks or methods) by name.

    Entry points of installed packages are loaded at the first look-up and not at import, because the module
    of such a package itself imports the package that the registry belongs to.

    Arguments:
        kind: Word for the kind in messages, such as ``task``; the entry-point group is
            ``scorebench.{kind}s``.
        base: Base class that every registered class has to be derived from.
        unknown: Exception class that is raised for a name that is not registered.
    """

    def __init__(self, kind: str, base: type[Kind], unknown: type[RegistryError]) -> None:
        self._kind, self._base, self._unknown = kind, base, unknown
        self._classes: dict[str, type[Kind]] = {}
        self._entry_points = EntryPoints(f"scorebench.{kind}s")
        self._lock = threading.RLock()  # a package may look names up while it is loaded

    def register(self, name: str) -> Callable[[type[Kind]], type[Kind]]:
        """Return a class decorator that registers a class under ``name``.

        Arguments:
            name: Name of lower-case letters, digits and underscores that starts with a letter.

        Raises:
            ValueError: if the name is malformed or belongs to another class.
            TypeError: if it is no class derived from the base class, or does not define an abstract method of
                it.
        """
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise ValueError(f"{self._kind} name {name!r}: lower-case letters, digits and underscores only")

        def add(cls: type[Kind]) -> type[Kind]:
            if not (isinstance(cls, type) and issubclass(cls, self._base)):
                what = f"class {cls.__qualname__}" if isinstance(cls, type) else f"a {type(cls).__name__}"
                raise TypeError(
                    f"{self._kind} {name!r}: {what} is not a class derived from {self._base.__name__}"
                )
            known = self._classes.get(name)
            # A module that is reloaded registers the same class again, which is allowed.
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
        """All registered classes by name, including those of installed packages."""
        with self._lock:
            self._entry_points.load(self._take)
            return dict(self._classes)

    def find(self, name: str) -> type[Kind]:
        """The class registered under ``name``.

        Raises:
            RegistryError: if the name is not registered. The message suggests the nearest known name, or
                says why the package that provides the name was not loaded.
        """
        known = self.classes()
        if name not in known:
            hint = self._entry_points.failed.get(name) or nearest(name, known)
            raise self._unknown(f"unknown {self._kind} {name!r}; {hint}")
        return known[name]

    def _take(self, name: str, found: object) -> None:
        """Register the object of an entry point: a class, or a module whose import registers classes."""
        if isinstance(found, ModuleType):
            package = found.__name__.partition(".")[0]
            if package not in {cls.__module__.partition(".")[0] for cls in self._classes.values()}:
                raise LookupError(f"module {found.__name__} registers no {self._kind}")
        elif not (isinstance(found, type) and issubclass(found, self._base)):
            raise TypeError(f"{found!r} is neither a module nor derived from {self._base.__name__}")
        elif found not in self._classes.values():  # a decorated class keeps the name given to its decorator
            self.register(name)(found)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a misspelt word: the nearest known word, or a list of all of them if none is near.

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
