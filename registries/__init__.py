"""Registries that find tasks and methods by name, and the reader of YAML that grids and methods share."""

from registries.plain_yaml import PlainYAMLError, read_plain_yaml
from registries.registry import Registry, RegistryError, nearest

__all__ = ["PlainYAMLError", "Registry", "RegistryError", "nearest", "read_plain_yaml"]
