"""A parameter seen through its square: theta ~ U(-2, 2), x = theta² + N(0, variance 0.1).

The posterior is known up to one integral over [-2, 2], so it is exact on a fine grid: for x > 0 it has two
equal modes at ±sqrt(x). Reference: arXiv 2506.18227, whose condition x = 1 is observation 1.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, Uniform

from tasks.contract.base import Card, Task
from tasks.contract.registry import register_task

__all__ = ["Bimodal1D"]

BOUND = 2.0
NOISE_VARIANCE = 0.1
CONDITIONS = (1.0, 0.25, 2.5)
CELLS = 100_000  # of width 4e-5, against modes no narrower than 0.1
CELLS_OF_NORMALISER = 2000  # the trapezoid's error is of second order: < 1e-6 of the integral
NUM_REFERENCE = 10_000


@register_task("bimodal_1d")
class Bimodal1D(Task):
    """Sign and size of theta from its noisy square; the sign stays unknown."""

    version = "2"
    dim_theta, dim_x = 1, 1
    num_observations = len(CONDITIONS)
    card = Card(
        summary="One parameter from its noisy square: two modes that mirror each other.",
        noise="Gaussian, variance 0.1",
        reference="inverse of the exact cumulative distribution on a grid of 100 000 cells",
        certificate="closed form up to quadrature in one dimension",
        citation="Zhang, Tatsuoka, Xiu, Zhang: Exact Conditional Score-Guided Generative Modeling, "
        "arXiv 2506.18227",
    )

    def prior(self) -> Distribution:
        """Uniform on [-2, 2]."""
        return Independent(Uniform(torch.tensor([-BOUND]), torch.tensor([BOUND])), 1)

    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """Theta squared with noise, ``(N, 1)``, float32."""
        clean = theta.detach().cpu().float().square()
        generator = torch.Generator().manual_seed(seed)
        return clean + math.sqrt(NOISE_VARIANCE) * torch.randn(clean.shape, generator=generator)

    def observation(self, num_observation: int) -> Tensor:
        """Observations 1, 2, 3 are 1, 0.25 (modes that touch), 2.5 (modes far apart), ``(1, 1)``."""
        self.check_observation(num_observation)
        return torch.tensor([[CONDITIONS[num_observation - 1]]])

    def true_theta(self, num_observation: int) -> Tensor:
        """The positive root of the observation, ``(1, 1)``."""
        return self.observation(num_observation).sqrt()

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log N(x; theta², 0.1), ``(N,)``."""
        return Normal(theta.square(), math.sqrt(NOISE_VARIANCE)).log_prob(x).sum(-1)

    def log_posterior(self, theta: Tensor, x: Tensor) -> Tensor:
        """Normalised log p(theta | x), ``(N,)``, for theta ``(N, 1)`` and x ``(N or 1, 1)``; -inf outside."""
        grid = torch.linspace(-BOUND, BOUND, CELLS_OF_NORMALISER + 1, dtype=torch.float64)[:, None]
        width = 2.0 * BOUND / CELLS_OF_NORMALISER
        half_ends = torch.zeros(len(grid), dtype=torch.float64)
        half_ends[[0, -1]] = -math.log(2.0)
        log_likelihood = Normal(grid.square(), math.sqrt(NOISE_VARIANCE)).log_prob
        log_z = torch.cat(
            [
                torch.logsumexp(log_likelihood(part.double().T) + half_ends[:, None], dim=0)
                for part in x.cpu().split(256)
            ]
        )
        log_p = self.log_likelihood(theta.double(), x.double()) - (log_z + math.log(width)).to(theta.device)
        return log_p.where(theta[:, 0].abs() <= BOUND, -torch.inf).to(theta.dtype)

    def reference_samples(self, num_observation: int) -> Tensor:
        """Exact draws of the posterior, ``(10_000, 1)``."""
        self.check_observation(num_observation)
        generator = torch.Generator().manual_seed(self._seed("reference", num_observation))
        levels = torch.rand(NUM_REFERENCE, generator=generator, dtype=torch.float64)
        return self.marginal_quantiles(num_observation, levels).float()

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """By inversion of the cumulative distribution, linear within cells of the grid, ``(Q, 1)``."""
        grid = torch.linspace(-BOUND, BOUND, CELLS + 1, dtype=torch.float64)
        log_p = self.log_likelihood(grid[:, None], self.observation(num_observation).double())
        density = log_p.exp()
        below = torch.cat([torch.zeros(1, dtype=torch.float64), (density[1:] + density[:-1]).cumsum(0)])
        inverse = np.interp(levels.double().cpu().numpy(), (below / below[-1]).numpy(), grid.numpy())
        return torch.from_numpy(inverse)[:, None]
