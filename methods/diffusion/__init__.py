"""Diffusions that the methods share: schedules of their own kind, and solvers that serve them all."""

from methods.diffusion.divergence import divergence
from methods.diffusion.solvers import SOLVERS, Denoiser, NoiseSchedule, SolverName, solve
from methods.diffusion.trigonometric import Trigonometric

__all__ = ["SOLVERS", "Denoiser", "NoiseSchedule", "SolverName", "Trigonometric", "divergence", "solve"]
