"""Parts of diffusion models that several methods share: ODE solvers, a schedule and divergences."""

from methods.diffusion.divergence import divergence
from methods.diffusion.solvers import SOLVERS, Denoiser, NoiseSchedule, SolverName, solve
from methods.diffusion.trigonometric import Trigonometric

__all__ = ["SOLVERS", "Denoiser", "NoiseSchedule", "SolverName", "Trigonometric", "divergence", "solve"]
