"""The release of a tracer in a steady wind, inferred from three sensors downwind."""

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
    """Infer place, mass and time of a tracer's release from concentrations at three sensors downwind.

    At time t0, in hours, a mass M is released at the place (x0, y0), in km; theta = (x0, y0, M, t0). With
    wind U = 1 km/h along x and diffusivity D = 0.1 km²/h, the concentration has a closed form (Crank, The
    Mathematics of Diffusion, 1975, section 3.2, moved with the wind):

        c(x, y, t) = M / (4 pi D s) exp(-((x - x0 - U s)² + (y - y0)²) / (4 D s)),   s = t - t0.

    The data are c at three sensors at six times, plus noise N(0, 0.03²). The prior is uniform: x0 in [-1, 0]
    km, y0 in [-1, 1] km, M in [0.5, 2], t0 in [0, 1] h.

    All sensors are on the line y = 0, so a source and its mirror image give the same data. The posterior has
    two modes, which merge if the source is near the line. A stronger source further from the line gives
    nearly the same data, too. The reference consists of independent draws by a refined grid. The setting is
    this package's own and matches no published one.
    """

    dim_theta, dim_x = 4, len(SENSORS) * len(TIMES)
    parameter_names = ("x0 [km]", "y0 [km]", "M", "t0 [h]")
    noise_sd = 0.03
    reference_by = "grid"
    card = stored_card(
        "advection_diffusion",
        text="Infer place, mass and time of a tracer's release from three sensors in the wind (two modes).",
        noise="N(0, 0.03²) on each concentration, in units of mass per km²",
        citation="this package's own; closed-form solution",
    )

    def prior(self) -> Distribution:
        """The uniform prior: x0 in [-1, 0] km, y0 in [-1, 1] km, M in [0.5, 2], t0 in [0, 1] h."""
        return Independent(Uniform(torch.tensor(LOW), torch.tensor(HIGH)), 1)

    def signal(self, theta: Tensor) -> Tensor:
        """Concentrations without noise, ``(N, 18)``, float64; the six times of a sensor are adjacent."""
        x0, y0, mass, t0 = theta.detach().cpu().double()[..., None, None].unbind(-3)
        sensor = torch.tensor(SENSORS, dtype=torch.float64)[:, None]
        since = torch.tensor(TIMES, dtype=torch.float64) - t0
        spread = 4.0 * DIFFUSIVITY * since
        squared = (sensor - x0 - WIND * since) ** 2 + y0**2
        return (mass / (math.pi * spread) * torch.exp(-squared / spread)).flatten(-2)
