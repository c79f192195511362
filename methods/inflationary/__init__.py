"""The method ``inflationary``: a flow that preserves or reduces the dimension of the data, and its parts."""

from methods.inflationary.fit import fit_flow
from methods.inflationary.flow import FlowSolver, InflationaryFlow
from methods.inflationary.inflation_network import InflationNetwork
from methods.inflationary.method import Inflationary, InflationaryPosterior
from methods.inflationary.schedule import InflationSchedule

__all__ = [
    "FlowSolver",
    "InflationNetwork",
    "InflationSchedule",
    "Inflationary",
    "InflationaryFlow",
    "InflationaryPosterior",
    "fit_flow",
]
