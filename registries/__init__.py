"""Registries that find tasks and methods by name."""

from registries.registry import Registry, RegistryError, nearest

__all__ = ["Registry", "RegistryError", "nearest"]
