"""Seeds for the parts of a fit: one for each purpose, derived from the fit's own seed.

The definition is that of :mod:`tasks.contract.seeding`, which methods may not import.
"""

from __future__ import annotations

import hashlib

__all__ = ["derive_seed"]


def derive_seed(purpose: str, *parts: str | int) -> int:
    """A seed in [0, 2^31) for one purpose, such as ``"weights"``; the same on every machine.

    Two generators with one seed draw the same numbers, so a purpose that occurs several times in a fit needs
    parts that differ: the seed of the stage it belongs to, itself derived, or a number.

    Example:
        >>> derive_seed("weights", 0) == derive_seed("order of batches", 0)
        False
    """
    digest = hashlib.sha256(repr((purpose, *parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") % 2**31
