"""Warm-up before the clock starts, for costs that only the first fit of a process has.

The first optimiser of a process imports a compiler, the first use of sbi imports sbi, and the first work on a
GPU creates its context. This takes seconds, which should not count as a method's training time.
"""

from __future__ import annotations

from methods import Method

__all__ = ["warm_up"]

_warm: set[tuple[str, str]] = set()  # pairs (specification of a method, device)


def warm_up(method: Method, device: str) -> None:
    """Call :meth:`methods.Method.warm_up`, unless this process has done so for that method and device.

    Arguments:
        method: Method that will be fitted.
        device: Device of the fit, ``"cpu"`` or ``"cuda"``.
    """
    if (method.spec, device) not in _warm:
        method.warm_up(device)
        _warm.add((method.spec, device))
