"""Everything that turns the cells of a grid into rows of results.

The package itself can be called: ``bench.run(task="two_moons", method="npe")`` is
:func:`bench.run.from_python.run`, so that a name which is both a package and a function means both.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from inspect import Signature, signature
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return _function()(*arguments, **options)

    @property
    def __signature__(self) -> Signature:
        """What editors and notebooks show when the call is typed."""
        return signature(_function())


def _function() -> Callable[..., Any]:
    function: Callable[..., Any] = importlib.import_module("bench.run.from_python").run
    return function


sys.modules[__name__].__class__ = _CallablePackage
