"""The Lorenz system, observed over a short window before it becomes chaotic."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Uniform

from tasks.contract.registry import register_task
from tasks.tools.ode import solve
from tasks.tools.signal_task import SignalTask
from tasks.tools.stored_task import stored_card

__all__ = ["Lorenz63"]

SPACING, NUM_TIMES = 0.2, 10
STEPS = 20  # Runge-Kutta steps between two times
LOW, HIGH = (5.0, 15.0, 1.0), (15.0, 40.0, 4.0)  # bounds of sigma, rho and beta


@register_task("lorenz63")
class Lorenz63(SignalTask):
    """Infer the three parameters of the Lorenz system from noisy readings over a short window.

    Theta = (sigma, rho, beta), without units, determines

        dX/dt = sigma (Y - X),   dY/dt = X (rho - Z) - Y,   dZ/dt = X Y - beta Z

    from (1, 1, 1) over two units of time, before chaos sets in. The data are X and Z every 0.2 units of time,
    plus noise N(0, 2²). The prior is uniform: sigma in [5, 15], rho in [15, 40], beta in [1, 4]. The
    reference consists of independent draws by a refined grid.

    The system is that of Lorenz, Deterministic nonperiodic flow, 1963. Window and noise are this package's
    own, so the task matches no published setup.
    """

    dim_theta, dim_x = 3, 2 * NUM_TIMES
    parameter_names = ("sigma", "rho", "beta")
    noise_sd = 2.0
    reference_by = "grid"
    card = stored_card(
        "lorenz63",
        text="Infer three parameters of the Lorenz system from X and Z at ten times of a short window.",
        noise="N(0, 2²) on each reading; the states reach about 20 (X) and 50 (Z)",
        citation="Lorenz, Deterministic nonperiodic flow, 1963; window and noise are this package's own",
    )

    def prior(self) -> Distribution:
        """The uniform prior: sigma in [5, 15], rho in [15, 40], beta in [1, 4]."""
        return Independent(Uniform(torch.tensor(LOW), torch.tensor(HIGH)), 1)

    def signal(self, theta: Tensor) -> Tensor:
        """X at the ten times, then Z, without noise, ``(N, 20)``, float64; NaN rows if not finite."""
        return _readings(theta, STEPS)

    def finer_signal(self, theta: Tensor) -> Tensor:
        """The signal with half the step, ``(N, 20)``, float64."""
        return _readings(theta, 2 * STEPS)


def _readings(theta: Tensor, steps: int) -> Tensor:
    sigma, rho, beta = theta.detach().cpu().double().unbind(-1)
    start = torch.ones(len(theta), 3, dtype=torch.float64)

    def rhs(t: Tensor, state: Tensor) -> Tensor:
        x, y, z = state.unbind(-1)
        return torch.stack([sigma * (y - x), x * (rho - z) - y, x * y - beta * z], dim=-1)

    times = SPACING * torch.arange(NUM_TIMES + 1, dtype=torch.float64)
    states = solve(rhs, start, times, steps)[:, 1:]
    readings = torch.cat([states[..., 0], states[..., 2]], dim=1)
    return readings.masked_fill(~readings.isfinite().all(1, keepdim=True), torch.nan)
