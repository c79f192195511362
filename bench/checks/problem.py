"""The problem that a method is checked on.

Two parameters are seen through four numbers,

    x = (theta_1, theta_2, theta_1 + theta_2, 0) + noise,  noise ~ N(0, diag(0.5, 0.5, 0.5, 0.05)²),

with a prior that is either uniform on [-3, 3]² or standard normal.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, Uniform

from tasks.contract.seeding import derive_seed

__all__ = ["BOUND", "DIM_THETA", "PriorName", "log_likelihood", "observations", "prior", "simulations"]

PriorName = Literal["uniform", "normal"]

NUM_SIMULATIONS = 300
DIM_THETA = 2
BOUND = 3.0  # of the uniform prior
NOISE = torch.tensor([0.5, 0.5, 0.5, 0.05])
# Both are more than five standard deviations of the posterior away from the edges of the uniform prior.
TRUTHS = torch.tensor([[0.0, 0.0], [0.8, -0.6]])


def prior(name: PriorName) -> Distribution:
    """The prior of a name, with event_shape ``(2,)``."""
    ones = torch.ones(DIM_THETA)
    return Independent(
        Uniform(-BOUND * ones, BOUND * ones) if name == "uniform" else Normal(0 * ones, ones), 1
    )


def simulations(name: PriorName) -> tuple[Tensor, Tensor]:
    """Draws of a prior ``(300, 2)`` and their data ``(300, 4)``; the same at every call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("check simulations", name))
        theta = prior(name).sample((NUM_SIMULATIONS,))
        clean = _clean(theta)
        return theta, clean + NOISE * torch.randn_like(clean)


def observations() -> Tensor:
    """Two observations, ``(2, 4)``, without noise."""
    return _clean(TRUTHS)


def log_likelihood(theta: Tensor, x: Tensor) -> Tensor:
    """Log p(x | theta) in nats, ``(N,)``, for theta ``(N, 2)`` and x ``(N or 1, 4)``."""
    return Normal(_clean(theta), NOISE).log_prob(x).sum(1)


def _clean(theta: Tensor) -> Tensor:
    return torch.cat([theta, theta.sum(1, keepdim=True), torch.zeros_like(theta[:, :1])], dim=1)
