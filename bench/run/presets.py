"""Grids that come with the suite."""

from __future__ import annotations

from pathlib import Path

__all__ = ["presets", "summary"]


def presets() -> dict[str, Path]:
    """Preset grids by name, each a YAML file whose first line says what it is."""
    return {file.stem: file for file in sorted(Path(__file__).parents[1].joinpath("grids").glob("*.yaml"))}


def summary(file: Path) -> str:
    """Return what the first line of a preset grid says."""
    return file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("#").strip()
