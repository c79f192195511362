"""Seeds of random numbers, derived from what they are for and what they depend on, and nothing else."""

from __future__ import annotations

import hashlib

__all__ = ["derive_seed"]


def derive_seed(*parts: str | int) -> int:
    """A seed in [0, 2^31) from any words and numbers; the same on every machine.

    The first word says what the random numbers are for, so that no two purposes share a stream.

    Example:
        >>> derive_seed("observation", "heat_1d", 1)
        1955425694
    """
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:4], "big") % 2**31
