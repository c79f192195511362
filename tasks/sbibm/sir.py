"""The SIR model of an epidemic, solved with torchdiffeq instead of sbibm's Julia solver."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Binomial, Distribution, Independent, LogNormal

from tasks.contract.base import Card
from tasks.contract.registry import register_task
from tasks.sbibm.sbibm_task import SBIBM, SbibmTask
from tasks.tools.marginals import grid_quantiles
from tasks.tools.ode import solve

__all__ = ["SIR"]

POPULATION = 1e6
TRIALS = 1000
SPACING_DAYS = 17.0
MAX_DRIFT = 1e-3
GRID = 100  # cells per side of the grid for quantiles: about 14 per standard deviation


@register_task("sir")
class SIR(SbibmTask):
    """Infer the contact rate and the recovery rate of an epidemic from ten noisy counts of the infected.

    Theta = (beta, gamma) are the rates, per day, of the SIR model

        dS/dt = -beta S I / N,   dI/dt = beta S I / N - gamma I,   dR/dt = gamma I

    over 160 days, which starts with one case among N = 1e6 people. The data are ten counts, one every 17 days
    from day 0: the number of infected among 1000 people is Binomial(1000, I / N). The prior is
    beta ~ LogNormal(log 0.4, 0.5) and gamma ~ LogNormal(log 0.125, 0.2). sbibm made the reference by
    rejection sampling with a flow that was fitted to slice-sampling draws.

    Prior, model, observations and reference are those of sbibm 1.1.0 (Lueckmann et al. 2021). Only the solver
    differs: torchdiffeq instead of Julia.
    """

    folder = "sir"
    dim_theta, dim_x = 2, 10
    parameter_names = ("beta", "gamma")
    card = Card(
        summary="Infer contact and recovery rates of an epidemic from ten noisy counts of the infected.",
        noise="Binomial(1000, I/N) at days 0, 17, …, 153",
        reference="rejection sampling with a flow fitted to slice-sampling draws",
        certificate="rejection against the exact likelihood (sbibm)",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """The prior: beta ~ LogNormal(log 0.4, 0.5) and gamma ~ LogNormal(log 0.125, 0.2)."""
        loc = torch.tensor([math.log(0.4), math.log(0.125)])
        return Independent(LogNormal(loc, torch.tensor([0.5, 0.2])), 1)

    def infected_fraction(self, theta: Tensor, steps_per_interval: int = 68) -> Tensor:
        """The infected fraction, I / N, on the ten observed days, ``(N, 10)``, float64.

        S and I are integrated as logarithms, which keeps them positive. The system conserves
        log S + (beta / gamma) R, with S and R as fractions of the population. If this quantity drifts by more
        than ``MAX_DRIFT`` times 1 + beta / gamma, the integration has failed and the row is NaN.

        Arguments:
            theta: Parameters, ``(N, 2)``.
            steps_per_interval: Number of Runge-Kutta steps between two counts; by default a step is a quarter
                of a day.
        """
        beta, gamma = theta.detach().cpu().double().unbind(-1)
        start = torch.tensor([math.log1p(-1.0 / POPULATION), -math.log(POPULATION)], dtype=torch.float64)

        def rhs(t: Tensor, y: Tensor) -> Tensor:
            s, i = y.exp().unbind(-1)
            return torch.stack([-beta * i, beta * s - gamma], dim=-1)

        days = SPACING_DAYS * torch.arange(self.dim_x, dtype=torch.float64)
        log_s, log_i = solve(rhs, start.expand(len(theta), 2), days, steps_per_interval).unbind(-1)
        fraction = log_i.exp()
        ratio = (beta / gamma)[:, None]
        drift = (log_s + ratio * (1.0 - log_s.exp() - fraction)).abs() / (1.0 + ratio)
        failed = ~(drift < MAX_DRIFT).all(dim=1, keepdim=True)  # NaN counts as failed, too
        return fraction.clamp(0.0, 1.0).masked_fill(failed, torch.nan)

    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """Ten binomial counts for each row of theta, ``(N, 10)``, float32; failed rows are NaN."""
        fraction = self.infected_fraction(theta)
        generator = torch.Generator().manual_seed(seed)
        trials = torch.full_like(fraction, TRIALS)
        counts = torch.binomial(trials, fraction.nan_to_num(0.0), generator=generator)
        return counts.where(fraction.isfinite(), torch.nan).float()

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Sum of the ten binomial log probabilities in nats, ``(N,)``; -inf if the integration fails."""
        fraction = self.infected_fraction(theta)
        usable = fraction.nan_to_num(0.5)
        log_p = Binomial(TRIALS, probs=usable, validate_args=False).log_prob(x.double()).sum(-1)
        return log_p.where(fraction.isfinite().all(-1), -torch.inf).to(theta.dtype)

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """Quantiles ``(Q, 2)`` by the posterior density on a grid that covers the reference draws."""
        x, prior = self.observation(num_observation), self.prior()
        low, high = self.reference_samples(num_observation).aminmax(dim=0)
        margin = 0.3 * (high - low)  # beyond the range of 10 000 draws plus this, the mass is negligible

        def log_density(theta: Tensor) -> Tensor:
            return prior.log_prob(theta.float()) + self.log_likelihood(theta, x)

        return grid_quantiles(log_density, (low - margin).clamp_min(1e-6), high + margin, levels, GRID)
