"""Seeds for the parts of a cell, derived from what the part depends on and nothing else."""

from __future__ import annotations

import hashlib

__all__ = ["derive_seed"]


def derive_seed(*parts: str | int) -> int:
    """A seed in [0, 2^31) from any words and numbers; the same on every machine.

    Example:
        >>> derive_seed("simulate", "two_moons", 1000, 0) == derive_seed("simulate", "two_moons", 1000, 0)
        True
    """
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:4], "big") % 2**31
