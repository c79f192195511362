"""The initial temperature of a rod from later readings: a linear Gaussian problem with an exact posterior."""

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
        summary=f"Infer {dim} coefficients of a rod's initial temperature from two later profiles.",
        noise="N(0, 0.02²) on each reading; temperatures are about 0.3 and have no unit",
        reference="exact draws from the normal posterior",
        certificate="closed form",
        citation="this package's own; Stuart, Inverse problems: a Bayesian perspective, 2010",
        speed="10000 simulations in less than 0.1 s on one core",
    )


@register_task("heat_1d")
class Heat1D(NoisySignal):
    """Infer five coefficients of a rod's initial temperature from two later temperature profiles.

    The temperature u(s, t) at place s satisfies the heat equation u_t = u_ss on (0, 1), and both ends are
    held at zero. The initial temperature is given by d Karhunen-Loève coefficients of a Brownian bridge,

        u(s, 0) = sum over k = 1 … d of theta_k sqrt(2) / (k pi) sin(k pi s),   theta_k ~ N(0, 1),

    so that the k-th term at time t is multiplied by exp(-(k pi)² t). The data x are u at fifteen places at
    the times 0.002 and 0.02, plus noise N(0, 0.02²). High modes have decayed by then, and their posterior
    equals their prior: of 80 coefficients the data determine only about ten.

    Let G be the matrix that maps theta to noiseless data, and sd the noise's standard deviation. The
    posterior is normal with covariance S = (I + G'G / sd²)^-1 and mean S G'x / sd² (Stuart, Inverse problems:
    a Bayesian perspective, 2010, section 3), and the reference consists of exact draws from it. The setting
    (times, places, noise) is this package's own and matches no published one.
    """

    version = "2"
    dim_theta, dim_x = 5, len(TIMES) * NUM_PLACES
    noise_sd = 0.02
    card = _card(5)

    def prior(self) -> Distribution:
        """Standard normal."""
        return Independent(Normal(torch.zeros(self.dim_theta), torch.ones(self.dim_theta)), 1)

    def matrix(self) -> Tensor:
        """The matrix G, ``(30, dim_theta)``, float64; the fifteen rows of the first profile come first."""
        k = math.pi * torch.arange(1, self.dim_theta + 1, dtype=torch.float64)
        places = torch.arange(1, NUM_PLACES + 1, dtype=torch.float64) / (NUM_PLACES + 1)
        modes = math.sqrt(2.0) / k * torch.sin(places[:, None] * k)
        return torch.cat([modes * torch.exp(-(k**2) * time) for time in TIMES])

    def signal(self, theta: Tensor) -> Tensor:
        """Temperatures without noise, ``(N, 30)``, float64."""
        return theta.detach().cpu().double() @ self.matrix().T

    def gaussian_posterior(self, num_observation: int) -> MultivariateNormal:
        """The exact posterior, with event_shape ``(dim_theta,)``, float64."""
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
        """Exact draws from the posterior, ``(10_000, dim_theta)``."""
        exact = self.gaussian_posterior(num_observation)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed("reference", num_observation))
            return exact.sample((NUM_REFERENCE,)).float()


@register_task("heat_1d_20")
class Heat1D20(Heat1D):
    """The problem of :class:`Heat1D` with twenty coefficients; the data inform about half of them."""

    dim_theta = 20
    card = _card(20)


@register_task("heat_1d_80")
class Heat1D80(Heat1D):
    """The problem of :class:`Heat1D` with eighty coefficients; for most, the posterior is the prior."""

    dim_theta = 80
    card = _card(80)
