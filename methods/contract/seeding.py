"""Seeds for the parts of a fit. Each purpose has its own seed, derived from the seed of the fit.

The definition is the same as in :mod:`tasks.contract.seeding`, which methods may not import.
"""

from __future__ import annotations

import hashlib

__all__ = ["derive_seed"]


def derive_seed(purpose: str, *parts: str | int) -> int:
    """Return a seed in [0, 2^31) for one purpose, such as ``"weights"``. It is the same on every machine.

    Two generators with the same seed draw the same numbers. So a purpose that occurs several times in a fit
    needs different parts each time: the (derived) seed of its stage, or a running number.

    Example:
        >>> derive_seed("weights", 0) == derive_seed("order of batches", 0)
        False
    """
    digest = hashlib.sha256(repr((purpose, *parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") % 2**31
