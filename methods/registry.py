"""Names of methods: registering one, and building it from ``name[param=value,…]``."""

from __future__ import annotations

import re
from collections.abc import Callable

import catalogue
from pydantic import ValidationError

from methods.base import Method
from methods.spec import SpecError, explain, nearest, parse

__all__ = ["UnknownMethodError", "expand", "get", "method_class", "names", "register_method"]

_registry = catalogue.Registry(("scorebench.methods",), entry_points=True)


class UnknownMethodError(LookupError):
    """No method is registered under the name that was asked for."""


def register_method(name: str) -> Callable[[type[Method]], type[Method]]:
    """Class decorator that makes a method known under ``name`` (lower case, digits, underscores).

    Raises:
        ValueError: if the name is malformed, or another class has it.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"method name {name!r}: lower-case letters, digits and underscores only")

    def register(cls: type[Method]) -> type[Method]:
        known = _registry.get_all().get(name)
        # The same class again is a module that was reloaded.
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"method name {name!r} is taken by {known.__module__}.{known.__qualname__}")
        cls.name = name
        return _registry.register(name, func=cls)

    return register


def names() -> list[str]:
    """Names of all registered methods, those of installed plug-ins (``scorebench.methods``) included."""
    return sorted(_registry.get_all())


def method_class(name: str) -> type[Method]:
    """The class registered under ``name``.

    Raises:
        UnknownMethodError: naming the nearest known method.
    """
    known = _registry.get_all()
    if name not in known:
        raise UnknownMethodError(f"unknown method {name!r}; {nearest(name, known)}")
    return known[name]


def expand(spec: str) -> list[Method]:
    """Every method that a specification names: a list among its values makes one for each entry.

    Raises:
        UnknownMethodError: naming the nearest known method.
        SpecError: for a malformed specification, an unknown parameter or a bad value.

    Example:
        >>> [m.density_estimator for m in expand("npe[density_estimator=[maf,nsf]]")]
        ['maf', 'nsf']
    """
    name, variants = parse(spec)
    cls = method_class(name)
    try:
        return [cls(**params) for params in variants]
    except ValidationError as error:
        raise SpecError(explain(error, f"method {name}", cls.model_fields)) from None


def get(spec: str) -> Method:
    """The one method that a specification names, such as ``npe[density_estimator=maf]``.

    Raises:
        SpecError: also where the specification names several.
    """
    found = expand(spec)
    if len(found) != 1:
        raise SpecError(f"method {spec!r} names {len(found)} methods where one is wanted")
    return found[0]
