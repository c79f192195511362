"""Errors that are shown to the user as one line, without a traceback."""

__all__ = ["SimulationError", "StorageError", "UsageError"]


class UsageError(Exception):
    """Bad input; the message is one line with the key, its value and what is allowed. Exit status: 2."""


class StorageError(UsageError):
    """A file could not be written, for example on a full disk or in a directory without permission."""


class SimulationError(UsageError, RuntimeError):
    """Nearly all simulations of a task failed."""
