"""What a user did wrong, in one line."""

__all__ = ["UsageError"]


class UsageError(Exception):
    """Bad input: one line that names the key, the value and what would do. Exit status 2."""
