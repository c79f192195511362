"""Checks of directories given by the user."""

from __future__ import annotations

from pathlib import Path

from bench.errors import UsageError

__all__ = ["nearest_directory"]


def nearest_directory(path: Path, option: str = "out") -> Path:
    """Return the path if it exists, else its nearest parent that exists; both as absolute paths.

    Arguments:
        path: Path of a directory that exists or may be created.
        option: Name of the option that gave the path, for the message.

    Raises:
        UsageError: if the path, or a parent of it, is a file or may not be accessed.
    """
    for nearest in (path.absolute(), *path.absolute().parents):
        try:
            if nearest.is_dir():
                return nearest
            if nearest.exists() or nearest.is_symlink():
                raise UsageError(f"{option}: {nearest} is a file, not a directory")
        except OSError as error:
            raise UsageError(f"{option}: {nearest}: {error.strerror or error}") from None
    raise UsageError(f"{option}: {path} has no parent that exists")
