"""Names and the classes behind them: what tasks and methods are found by."""

from registries.registry import Registry, RegistryError, nearest

__all__ = ["Registry", "RegistryError", "nearest"]
