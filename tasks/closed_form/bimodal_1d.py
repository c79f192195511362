"""One parameter from its noisy square: a posterior with two equal modes."""

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
CELLS = 100_000  # each is 4e-5 wide, while modes are at least 0.1 wide
CELLS_OF_NORMALISER = 2000  # the trapezoidal rule has second order: its error is < 1e-6 of the integral
NUM_REFERENCE = 10_000


@register_task("bimodal_1d")
class Bimodal1D(Task):
    """Infer sign and size of one parameter from its noisy square; the sign stays unknown.

    The prior is theta ~ U(-2, 2) and the data are x = theta² + e with e ~ N(0, 0.1) (a variance).

    The posterior is known up to one integral over [-2, 2]. For x > 0 it has two equal modes near ±sqrt(x).
    Reference draws invert its cumulative distribution on a grid of 100 000 cells.

    The problem is one of Zhang, Tatsuoka, Xiu, Zhang, Exact Conditional Score-Guided Generative Modeling,
    arXiv 2506.18227. Observation 1, x = 1, is that paper's condition; the other two are our choice.
    """

    version = "2"
    dim_theta, dim_x = 1, 1
    num_observations = len(CONDITIONS)
    card = Card(
        summary="Infer one parameter from its noisy square: two modes that are mirror images.",
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
        """Simulations x = theta² + noise, ``(N, 1)``, float32."""
        clean = theta.detach().cpu().float().square()
        generator = torch.Generator().manual_seed(seed)
        return clean + math.sqrt(NOISE_VARIANCE) * torch.randn(clean.shape, generator=generator)

    def observation(self, num_observation: int) -> Tensor:
        """The observation, ``(1, 1)``: x is 1, 0.25 (the modes touch) or 2.5 (the modes are far apart)."""
        self.check_observation(num_observation)
        return torch.tensor([[CONDITIONS[num_observation - 1]]])

    def true_theta(self, num_observation: int) -> Tensor:
        """The positive square root of the observation, ``(1, 1)``."""
        return self.observation(num_observation).sqrt()

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log N(x; theta², 0.1) in nats, ``(N,)``."""
        return Normal(theta.square(), math.sqrt(NOISE_VARIANCE)).log_prob(x).sum(-1)

    def log_posterior(self, theta: Tensor, x: Tensor) -> Tensor:
        """Normalised log posterior, log p(theta | x), in nats; -inf outside the prior's support.

        Arguments:
            theta: Parameters, ``(N, 1)``.
            x: Data, ``(N or 1, 1)``.

        Returns:
            Log densities, ``(N,)``.
        """
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
        """Exact draws from the posterior, ``(10_000, 1)``."""
        self.check_observation(num_observation)
        generator = torch.Generator().manual_seed(self._seed("reference", num_observation))
        levels = torch.rand(NUM_REFERENCE, generator=generator, dtype=torch.float64)
        return self.marginal_quantiles(num_observation, levels).float()

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """Quantiles ``(Q, 1)``: the cumulative distribution, linear within each grid cell, is inverted."""
        grid = torch.linspace(-BOUND, BOUND, CELLS + 1, dtype=torch.float64)
        log_p = self.log_likelihood(grid[:, None], self.observation(num_observation).double())
        density = log_p.exp()
        below = torch.cat([torch.zeros(1, dtype=torch.float64), (density[1:] + density[:-1]).cumsum(0)])
        inverse = np.interp(levels.double().cpu().numpy(), (below / below[-1]).numpy(), grid.numpy())
        return torch.from_numpy(inverse)[:, None]
