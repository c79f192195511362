"""A puff of tracer in a steady wind, seen by three sensors downwind: where, how much and when.

At time t0 a mass M is released at (x0, y0) in the plane. With wind U along x and diffusivity D its
concentration is in closed form (Crank, The Mathematics of Diffusion, 1975, section 3.2, carried by the wind),

    c(x, y, t) = M / (4 pi D s) exp(-((x - x0 - U s)² + (y - y0)²) / (4 D s)),   s = t - t0.

All sensors stand on the line y = 0, so that a source and its mirror image give the same data: two modes,
which meet where the source is near the line. A stronger source further off the line looks much the same too.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Uniform

from tasks.contract.registry import register_task
from tasks.tools.signal_task import SignalTask
from tasks.tools.stored_task import stored_card

__all__ = ["AdvectionDiffusion"]

WIND, DIFFUSIVITY = 1.0, 0.1  # km/h, km²/h
SENSORS = (1.0, 2.0, 3.0)  # km downwind of the origin, on the line y = 0
TIMES = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0)  # hours
LOW, HIGH = (-1.0, -1.0, 0.5, 0.0), (0.0, 1.0, 2.0, 1.0)  # of x0 and y0 in km, M, t0 in hours


@register_task("advection_diffusion")
class AdvectionDiffusion(SignalTask):
    """Theta = (x0 in km, y0 in km, mass, release time in hours)."""

    dim_theta, dim_x = 4, len(SENSORS) * len(TIMES)
    noise_sd = 0.03
    reference_by = "grid"
    card = stored_card(
        "advection_diffusion",
        text="Place, mass and time of a tracer's release from three sensors in the wind; mirrored in y.",
        noise="N(0, 0.03²) on each concentration, in units of mass per km²",
        citation="this package's own; closed-form solution",
    )

    def prior(self) -> Distribution:
        """Uniform: x0 in [-1, 0] km, y0 in [-1, 1] km, M in [0.5, 2], t0 in [0, 1] h."""
        return Independent(Uniform(torch.tensor(LOW), torch.tensor(HIGH)), 1)

    def signal(self, theta: Tensor) -> Tensor:
        """Concentrations ``(N, 18)``, float64, the six times of a sensor side by side."""
        x0, y0, mass, t0 = theta.detach().cpu().double()[..., None, None].unbind(-3)
        sensor = torch.tensor(SENSORS, dtype=torch.float64)[:, None]
        since = torch.tensor(TIMES, dtype=torch.float64) - t0
        spread = 4.0 * DIFFUSIVITY * since
        squared = (sensor - x0 - WIND * since) ** 2 + y0**2
        return (mass / (math.pi * spread) * torch.exp(-squared / spread)).flatten(-2)
