"""Directories that the user names."""

from __future__ import annotations

from pathlib import Path

from bench.errors import UsageError

__all__ = ["nearest_directory"]


def nearest_directory(path: Path, option: str = "out") -> Path:
    """The path, or its nearest parent that exists.

    Arguments:
        path: Where a directory is or may be made.
        option: What the path was given as, for the message.

    Raises:
        UsageError: where the path, or a parent of it, is a file or may not be looked into.
    """
    for nearest in (path.absolute(), *path.absolute().parents):
        try:
            if nearest.is_dir():
                return nearest
            if nearest.exists() or nearest.is_symlink():
                raise UsageError(f"{option}: {nearest} is a file, a directory is wanted")
        except OSError as error:
            raise UsageError(f"{option}: {nearest}: {error.strerror or error}") from None
    raise UsageError(f"{option}: {path} has no parent that exists")
