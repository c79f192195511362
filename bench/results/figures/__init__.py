"""Figures of a result directory: one figure a file, each with what it needs and how it draws."""

from bench.results.figures.drawing import draw, drawn
from bench.results.figures.figure import (
    ResultFigure,
    UnknownFigureError,
    figures,
    register_figure,
)
from bench.results.figures.options import FigureOptions

# Importing a module of figures registers them, in the order in which they are listed and drawn.
from bench.results.figures import c2st_by_budget, accuracy_by_time  # noqa: F401  # isort: skip
from bench.results.figures import posterior, predictive, calibration_curves, times  # noqa: F401  # isort: skip
from bench.results.figures import ranks, wins, profile  # noqa: F401  # isort: skip

__all__ = [
    "FigureOptions",
    "ResultFigure",
    "UnknownFigureError",
    "draw",
    "drawn",
    "figures",
    "register_figure",
]
