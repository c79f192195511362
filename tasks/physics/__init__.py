"""Tasks from physics with certified reference posteriors."""

from tasks.physics.advection_diffusion import AdvectionDiffusion
from tasks.physics.damped_oscillator import DampedOscillator
from tasks.physics.elliptic_pde import EllipticPDE
from tasks.physics.elliptic_pde_16 import EllipticPDE16
from tasks.physics.lorenz63 import Lorenz63
from tasks.physics.ringdown import Ringdown

__all__ = ["AdvectionDiffusion", "DampedOscillator", "EllipticPDE", "EllipticPDE16", "Lorenz63", "Ringdown"]
