"""A likelihood learned from simulations, and what is done with it: chains and a search for the mode."""

from methods.likelihood.chains import differential_evolution
from methods.likelihood.coordinates import Coordinates
from methods.likelihood.learned import GAUSSIAN, KINDS, Kind, LearnedLikelihood, log_posterior

__all__ = [
    "GAUSSIAN",
    "KINDS",
    "Coordinates",
    "Kind",
    "LearnedLikelihood",
    "differential_evolution",
    "log_posterior",
]
