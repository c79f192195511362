"""What only the first fit of a process pays for is paid before the clock starts.

The first optimiser of a process imports a compiler, the first use of sbi imports sbi, and the first work on a
GPU makes its context: seconds, which are no part of a method's training time.
"""

from __future__ import annotations

from methods import Method

__all__ = ["warm_up"]

_warm: set[tuple[str, str]] = set()  # specifications and devices


def warm_up(method: Method, device: str) -> None:
    """Call :meth:`methods.Method.warm_up`, unless this process has done so for that method and device.

    Arguments:
        method: What will be fitted.
        device: Where, ``"cpu"`` or ``"cuda"``.
    """
    if (method.spec, device) not in _warm:
        method.warm_up(device)
        _warm.add((method.spec, device))
