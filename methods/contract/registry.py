"""Registration of methods, and their construction from a text ``name[param=value,…]``."""

from __future__ import annotations

from pydantic import ValidationError

from methods.contract.base import Method
from methods.contract.spec import SpecError, explain, parse
from registries import Registry, RegistryError

__all__ = ["UnknownMethodError", "expand", "get", "method_class", "names", "register_method"]


class UnknownMethodError(RegistryError):
    """Raised if no method is registered under the requested name."""


_registry: Registry[Method] = Registry("method", Method, UnknownMethodError)  # type: ignore[type-abstract]

register_method = _registry.register
method_class = _registry.find


def names() -> list[str]:
    """Return the sorted names of all registered methods.

    These include methods of installed packages, which the entry point group ``scorebench.methods`` lists.
    """
    return sorted(_registry.classes())


def expand(spec: str) -> list[Method]:
    """Return every method that a specification names. A list of values gives one method for each entry.

    Raises:
        UnknownMethodError: If the name is unknown; the message suggests the nearest known one.
        SpecError: If the specification is malformed, a parameter is unknown or a value is not allowed.

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
    except Exception as error:  # of a plug-in's own constructor or validator
        raise SpecError(f"method {name} cannot be made: {type(error).__name__}: {error}") from error


def get(spec: str) -> Method:
    """Return the one method that a specification names, such as ``npe[density_estimator=maf]``.

    Raises:
        UnknownMethodError: If the name is unknown.
        SpecError: As for :func:`expand`, and if the specification names several methods.
    """
    found = expand(spec)
    if len(found) != 1:
        raise SpecError(f"method {spec!r} names {len(found)} methods, but exactly one is expected")
    return found[0]
