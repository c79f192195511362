"""The initial temperature of a rod from later readings: linear and normal, so that everything is exact.

u_t = u_xx on (0, 1) with ends held at zero, and the initial temperature in d Karhunen-Loève coefficients of a
Brownian bridge,

    u(x, 0) = sum over k = 1 … d of theta_k sqrt(2) / (k pi) sin(k pi x),   theta_k ~ N(0, 1),

so that at time t each term is multiplied with exp(-(k pi)² t). Two early profiles are read at fifteen places.
High modes have died away by then: their posterior is their prior, and of 80 only some ten are told.

With G the matrix of this map, the posterior is normal with covariance S = (I + G'G / sd²)^-1 and mean
S G'x / sd² (Stuart, Inverse problems: a Bayesian perspective, 2010, section 3).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal

from tasks.contract.base import Card
from tasks.contract.registry import register_task
from tasks.tools.noisy_signal import NoisySignal

__all__ = ["Heat1D", "Heat1D20", "Heat1D80"]

NUM_PLACES = 15
TIMES = (0.002, 0.02)  # in units of length² over diffusivity
NUM_REFERENCE = 10_000


def _card(dim: int) -> Card:
    return Card(
        summary=f"{dim} coefficients of a rod's initial temperature from two later profiles.",
        noise="N(0, 0.02²) on each reading; temperatures are some 0.3, without units",
        reference="exact draws of the normal posterior",
        certificate="closed form",
        citation="this package's own; Stuart, Inverse problems: a Bayesian perspective, 2010",
        speed="10000 simulations in less than 0.1 s on one core",
    )


@register_task("heat_1d")
class Heat1D(NoisySignal):
    """Theta = the first five coefficients."""

    version = "2"
    dim_theta, dim_x = 5, len(TIMES) * NUM_PLACES
    noise_sd = 0.02
    card = _card(5)

    def prior(self) -> Distribution:
        """Standard normal."""
        return Independent(Normal(torch.zeros(self.dim_theta), torch.ones(self.dim_theta)), 1)

    def matrix(self) -> Tensor:
        """G ``(30, dim_theta)``, float64: the fifteen readings of the first profile, then of the second."""
        k = math.pi * torch.arange(1, self.dim_theta + 1, dtype=torch.float64)
        places = torch.arange(1, NUM_PLACES + 1, dtype=torch.float64) / (NUM_PLACES + 1)
        modes = math.sqrt(2.0) / k * torch.sin(places[:, None] * k)
        return torch.cat([modes * torch.exp(-(k**2) * time) for time in TIMES])

    def signal(self, theta: Tensor) -> Tensor:
        """Temperatures ``(N, 30)``, float64."""
        return theta.detach().cpu().double() @ self.matrix().T

    def gaussian_posterior(self, num_observation: int) -> MultivariateNormal:
        """The exact posterior, float64."""
        matrix = self.matrix()
        precision = matrix.T @ matrix / self.noise_sd**2 + torch.eye(self.dim_theta, dtype=torch.float64)
        x = self.observation(num_observation)[0].double()
        mean = torch.linalg.solve(precision, matrix.T @ x / self.noise_sd**2)
        return MultivariateNormal(mean, precision_matrix=precision)

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """Exact quantiles of the normal marginals, ``(Q, dim_theta)``, float64."""
        exact = self.gaussian_posterior(num_observation)
        return Normal(exact.mean, exact.stddev).icdf(levels.double()[:, None])

    def reference_samples(self, num_observation: int) -> Tensor:
        """Exact draws of the posterior, ``(10_000, dim_theta)``."""
        exact = self.gaussian_posterior(num_observation)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed("reference", num_observation))
            return exact.sample((NUM_REFERENCE,)).float()


@register_task("heat_1d_20")
class Heat1D20(Heat1D):
    """Twenty coefficients, about half of which the data tell something of."""

    dim_theta = 20
    card = _card(20)


@register_task("heat_1d_80")
class Heat1D80(Heat1D):
    """Eighty coefficients, most of which stay as the prior has them."""

    dim_theta = 80
    card = _card(80)
