"""The version of the installed suite."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["VERSION"]

try:
    VERSION = version("scorebench")
except PackageNotFoundError:  # run from a folder that was never installed
    VERSION = "unknown"
