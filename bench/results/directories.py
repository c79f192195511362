"""Checks of paths given by the user, and careful reading and replacing of files."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

from bench.errors import UsageError

__all__ = ["nearest_directory", "read_regular", "replace", "sound"]

WINDOWS = os.name == "nt"
TRIES = 10  # attempts to replace a file that another process has open, which Windows forbids
PAUSE = 0.05  # seconds between them


def nearest_directory(path: Path, option: str = "out") -> Path:
    """Return the path if it exists, else its nearest parent that exists; both as absolute paths.

    Arguments:
        path: Path of a directory that exists or may be created.
        option: Name of the option that gave the path, for the message.

    Raises:
        UsageError: if the path, or a parent of it, is a file or may not be accessed, or the text cannot be a
            path.
    """
    sound(path, option)
    for nearest in (path.absolute(), *path.absolute().parents):
        try:
            if nearest.is_dir():
                return nearest
            # Another process may have just created the directory.
            if (nearest.exists() or nearest.is_symlink()) and not nearest.is_dir():
                raise UsageError(f"{option}: {nearest} is a file, not a directory")
        except OSError as error:
            raise UsageError(f"{option}: {nearest}: {error.strerror or error}") from None
    raise UsageError(f"{option}: {path} has no parent that exists")


def sound(path: str | Path, option: str) -> None:
    """Check that a path can be the path of a file.

    Raises:
        UsageError: if it has a null character, or characters that the file system cannot encode.
    """
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:
        raise UsageError(
            f"{option}: {str(path)!r} is not a path: it has a character that is not text"
        ) from None
    if b"\0" in encoded:
        raise UsageError(f"{option}: {str(path)!r} is not a path: it has a null character")


def read_regular(file: Path, most: int) -> bytes:
    """Return the content of a file that is not a pipe, a device or a directory.

    A pipe is not opened, because this would wait for a writer.

    Arguments:
        file: Path of the file; symbolic links are followed.
        most: Largest size in bytes.

    Raises:
        OSError: if the file cannot be read, is not a regular file, or is larger; ``strerror`` says why.
    """
    if not stat.S_ISREG(os.stat(file).st_mode):
        reason = "is a directory" if file.is_dir() else "not a regular file"
        raise OSError(0, reason, str(file))
    with file.open("rb") as opened:
        content = opened.read(most + 1)
    if len(content) > most:
        raise OSError(0, f"larger than {most} bytes", str(file))
    return content


def replace(temporary: Path, path: Path) -> None:
    """Rename a file over another, which exists or not; a reader sees either the old or the new file.

    On Windows, a file that a process has open cannot be replaced. There, the renaming is tried again for
    half a second.
    """
    for left in reversed(range(TRIES)):
        try:
            os.replace(temporary, path)
            return
        except PermissionError:
            if not WINDOWS or not left:
                raise
            time.sleep(PAUSE)
