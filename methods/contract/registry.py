"""Names of methods: registering one, and building it from ``name[param=value,…]``."""

from __future__ import annotations

from pydantic import ValidationError

from methods.contract.base import Method
from methods.contract.spec import SpecError, explain, parse
from registries import Registry, RegistryError

__all__ = ["UnknownMethodError", "expand", "get", "method_class", "names", "register_method"]


class UnknownMethodError(RegistryError):
    """No method is registered under the name that was asked for."""


_registry: Registry[Method] = Registry("method", Method, UnknownMethodError)  # type: ignore[type-abstract]

register_method = _registry.register
method_class = _registry.find


def names() -> list[str]:
    """Names of all registered methods, those of installed packages (``scorebench.methods``) included."""
    return sorted(_registry.classes())


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
