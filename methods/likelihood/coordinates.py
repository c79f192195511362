"""Coordinates of theta for searches and Markov chains on a learned likelihood."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from methods.contract.prior_mass import log_prob_of, sample_of
from methods.contract.seeding import derive_seed
from methods.transforms.standardizer import Standardizer
from methods.transforms.unbounded import Unbounded

__all__ = ["Coordinates"]

TIED = 1e-6  # Share that is added to the variances.
DRAWS = 20_000  # Number of prior draws that give the moments of the coordinates.
ROUNDED = 1.0  # Error of a coordinate, by rounding of theta, from which on the coordinate has no density.


class Coordinates:
    """Unbounded coordinates u of theta, and the inputs of a network as a smooth function of u.

    The inputs, called features, are theta itself, with logarithms for parameters on half-lines, standardised.

    Arguments:
        prior: Prior of theta. Its support consists of intervals, half-lines or lines.
        theta: Parameters of the simulations, ``(K, dim_theta)``, which give the scale of the features.
        seed: Seed for the prior draws that give mean and precision.

    Attributes:
        mean: Mean of u under the prior, ``(dim_theta,)``.
        precision: Inverse covariance of u under the prior, ``(dim_theta, dim_theta)``.
    """

    def __init__(self, prior: Distribution, theta: Tensor, seed: int) -> None:
        self._prior, self._unbounded = prior, Unbounded(prior)
        self._scale = Standardizer.fit(self._unbounded.plain(theta))
        with torch.random.fork_rng():
            torch.manual_seed(derive_seed("moments of the coordinates", seed))
            draws = self._unbounded(sample_of(prior, torch.Size([DRAWS])).to(theta.device))
        self.mean = draws.mean(0).float()
        covariance = torch.cov(draws.T).reshape(len(self.mean), -1)
        # Parameters that are tied, such as offsets that sum to zero, have a singular covariance.
        covariance += TIED * torch.diag(covariance.diagonal())
        self.precision = torch.linalg.inv(covariance).float()

    def __call__(self, theta: Tensor) -> Tensor:
        """Return coordinates u of theta, both ``(N, dim_theta)``, float32."""
        return self._unbounded(theta).float()

    def theta(self, u: Tensor) -> Tensor:
        """Return theta ``(..., dim_theta)`` at coordinates u, inside the prior's support."""
        return self._unbounded.inverse(u)

    def of_theta(self, theta: Tensor) -> Tensor:
        """Return features of theta, both ``(N, dim_theta)``, float32."""
        return self._scale(self._unbounded.plain(theta)).float()

    def features(self, u: Tensor) -> Tensor:
        """Return features ``(..., dim_theta)`` at coordinates u, a smooth function of u."""
        plain = self._unbounded.plain_at(u)
        return (plain - self._scale.mean.to(plain)) / self._scale.std.to(plain)

    def log_prior(self, u: Tensor) -> Tensor:
        """Return the log density of the coordinates u ``(..., dim_theta)`` under the prior, ``(...,)``.

        It is minus infinity where theta is so near to a bound that float32 rounds it away. Otherwise the
        density would be constant from there on, or infinite if that of theta is infinite at the bound, and
        chains would not return.
        """
        rows = u.flatten(0, -2)
        theta = self.theta(rows)
        values = log_prob_of(self._prior, theta) - self._unbounded.log_slope(theta).float()
        values = values.where(((self(theta) - rows).abs() < ROUNDED).all(-1), -torch.inf)
        values = values.nan_to_num(nan=-torch.inf, posinf=-torch.inf, neginf=-torch.inf)
        return values.unflatten(0, u.shape[:-1])

    def log_slope(self, theta: Tensor) -> Tensor:
        """Return log |du / dtheta|, ``(N,)``."""
        return self._unbounded.log_slope(theta).float()
