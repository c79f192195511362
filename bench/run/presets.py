"""Grids that come with the suite."""

from __future__ import annotations

from pathlib import Path

import bench

__all__ = ["presets"]


def presets() -> dict[str, Path]:
    """Preset grids by name, each a YAML file whose first line says what it is."""
    return {file.stem: file for file in sorted(Path(bench.__file__).with_name("grids").glob("*.yaml"))}
