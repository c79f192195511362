"""Figures of a result directory: one figure a file, each a function of the rows."""

from bench.results.figures.accuracy_by_time import accuracy_by_time
from bench.results.figures.c2st_by_budget import c2st_by_budget
from bench.results.figures.calibration import calibration
from bench.results.figures.style import save

__all__ = ["FIGURES", "accuracy_by_time", "c2st_by_budget", "calibration", "save"]

FIGURES = {
    "c2st_by_budget": c2st_by_budget,
    "accuracy_by_time": accuracy_by_time,
    "calibration": calibration,
}
