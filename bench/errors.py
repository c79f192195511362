"""What a user did wrong, in one line."""

__all__ = ["SimulationError", "StorageError", "UsageError"]


class UsageError(Exception):
    """Bad input: one line that names the key, the value and what would do. Exit status 2."""


class StorageError(UsageError):
    """What could not be written: a full disk, a directory without permission."""


class SimulationError(UsageError, RuntimeError):
    """A task whose simulations nearly all failed."""
