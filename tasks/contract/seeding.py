"""Seeds for random numbers. A seed depends only on its purpose and on the names and numbers given with it."""

from __future__ import annotations

import hashlib

__all__ = ["derive_seed"]


def derive_seed(*parts: str | int) -> int:
    """A seed in [0, 2^31) that is computed from words and numbers by SHA-256, the same on every machine.

    The first word names the purpose of the random numbers, so that no two purposes share a stream.

    Arguments:
        parts: Purpose, followed by whatever else the random numbers should depend on.

    Example:
        >>> derive_seed("observation", "heat_1d", 1)
        1955425694
    """
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:4], "big") % 2**31
