"""Figures of a result directory: one figure a file, each with what it needs and how it draws."""

from bench.results.figures.drawing import draw
from bench.results.figures.figure import (
    ResultFigure,
    UnknownFigureError,
    figures,
    register_figure,
)

# Importing a module of figures registers them.
from bench.results.figures import accuracy_by_time, c2st_by_budget, calibration_curves  # noqa: F401  # isort: skip

__all__ = ["ResultFigure", "UnknownFigureError", "draw", "figures", "register_figure"]
