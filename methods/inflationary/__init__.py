"""Inflationary flows: a diffusion whose probability-flow ODE keeps, or reduces, the dimension of the data."""

from methods.inflationary.flow import FlowSolver, InflationaryFlow
from methods.inflationary.learning import fit_flow
from methods.inflationary.network import InflationNetwork
from methods.inflationary.sampler import Inflationary, InflationaryPosterior
from methods.inflationary.schedule import InflationSchedule
from methods.inflationary.whitening import Whitening, participation_ratio

__all__ = [
    "FlowSolver",
    "InflationNetwork",
    "InflationSchedule",
    "Inflationary",
    "InflationaryFlow",
    "InflationaryPosterior",
    "Whitening",
    "fit_flow",
    "participation_ratio",
]
