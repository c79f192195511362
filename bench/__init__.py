"""The benchmark around tasks and methods: grid, runner, store, metrics, tables, figures, command line."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("scorebench")
except PackageNotFoundError:  # run from a folder that was never installed
    __version__ = "unknown"
