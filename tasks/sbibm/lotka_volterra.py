"""The Lotka-Volterra model of predators and prey, solved with torchdiffeq instead of sbibm's Julia solver."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, LogNormal

from tasks.contract.base import Card
from tasks.contract.registry import register_task
from tasks.sbibm.sbibm_task import SBIBM, SbibmTask
from tasks.tools.ode import solve

__all__ = ["LotkaVolterra"]

NUM_READINGS = 10
SPACING_DAYS = 2.1
NOISE = 0.1  # standard deviation of the logarithm of a reading
MAX_DRIFT = 1e-2


@register_task("lotka_volterra")
class LotkaVolterra(SbibmTask):
    """Infer four rates of a predator-prey system from ten noisy readings of each population.

    Theta = (alpha, beta, gamma, delta) are the rates, per day, of prey X and predators Y in

        dX/dt = alpha X - beta X Y,   dY/dt = -gamma Y + delta X Y,   X(0) = 30, Y(0) = 1.

    The data are ten log-normal readings of each population over 20 days, at days 0, 2.1, …, 18.9; the
    logarithm of a reading has standard deviation 0.1. The prior is alpha, gamma ~ LogNormal(-0.125, 0.5) and
    beta, delta ~ LogNormal(-3, 0.5). sbibm made the reference by rejection sampling with a flow that was
    fitted to slice-sampling draws.

    Prior, model, observations and reference are those of sbibm 1.1.0 (Lueckmann et al. 2021). Only the solver
    differs: torchdiffeq instead of Julia.
    """

    folder = "lotka_volterra"
    dim_theta, dim_x = 4, 2 * NUM_READINGS
    parameter_names = ("alpha", "beta", "gamma", "delta")
    card = Card(
        summary="Infer four rates of a predator-prey system from ten readings of each population.",
        noise="log-normal, standard deviation 0.1 of the logarithm, at days 0, 2.1, …, 18.9",
        reference="rejection sampling with a flow fitted to slice-sampling draws",
        certificate="rejection against the exact likelihood (sbibm)",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """The prior: alpha, gamma ~ LogNormal(-0.125, 0.5) and beta, delta ~ LogNormal(-3, 0.5)."""
        return Independent(LogNormal(torch.tensor([-0.125, -3.0, -0.125, -3.0]), 0.5 * torch.ones(4)), 1)

    def log_populations(self, theta: Tensor, steps_per_interval: int = 210) -> Tensor:
        """Logarithms of both populations at the ten times, ``(N, 20)``, prey first, float64.

        The equations are integrated in logarithms: the populations then stay positive, and the step is
        limited by sqrt(beta delta X Y) instead of the larger rate. The system conserves
        V = delta X - gamma log X + beta Y - alpha log Y. If V drifts by more than ``MAX_DRIFT`` times
        1 + abs(V(0)), the integration has failed and the row is NaN.

        Arguments:
            theta: Parameters, ``(N, 4)``.
            steps_per_interval: Number of Runge-Kutta steps between two readings; by default a step is
                0.01 days.
        """
        alpha, beta, gamma, delta = theta.detach().cpu().double().unbind(-1)
        start = torch.tensor([30.0, 1.0], dtype=torch.float64).log().expand(len(theta), 2)

        def rhs(t: Tensor, y: Tensor) -> Tensor:
            prey, predators = y.exp().unbind(-1)
            return torch.stack([alpha - beta * predators, delta * prey - gamma], dim=-1)

        days = SPACING_DAYS * torch.arange(NUM_READINGS, dtype=torch.float64)
        states = solve(rhs, start, days, steps_per_interval)
        u, v = states.unbind(-1)
        kinetic = delta[:, None] * u.exp() + beta[:, None] * v.exp()
        conserved = kinetic - gamma[:, None] * u - alpha[:, None] * v
        drift = (conserved - conserved[:, :1]).abs() / (1.0 + conserved[:, :1].abs())
        failed = ~((drift < MAX_DRIFT).all(dim=1) & states.isfinite().all(dim=(1, 2)))
        return states.transpose(1, 2).reshape(len(theta), -1).masked_fill(failed[:, None], torch.nan)

    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """Twenty log-normal readings for each row of theta, ``(N, 20)``, float32; failed rows are NaN."""
        log_mean = self._clamped(theta)
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(log_mean.shape, generator=generator, dtype=log_mean.dtype)
        return (log_mean + NOISE * noise).exp().float()

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Sum of the twenty log-normal log densities in nats, ``(N,)``; -inf if the integration fails."""
        log_mean = self._clamped(theta)
        density = LogNormal(log_mean.nan_to_num(0.0), NOISE, validate_args=False)
        log_p = density.log_prob(x.double()).sum(-1)
        return log_p.where(log_mean.isfinite().all(-1), -torch.inf).to(theta.dtype)

    def _clamped(self, theta: Tensor) -> Tensor:
        # sbibm clamps the populations to [1e-10, 1e4] before the noise.
        bounds = torch.tensor([1e-10, 1e4], dtype=torch.float64).log()
        return self.log_populations(theta).clamp(*bounds)
