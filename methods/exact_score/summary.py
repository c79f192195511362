"""A learned summary of the data: the posterior mean of theta, in place of x in the kernel's weights.

A kernel estimate's error grows fast with the dimension of x; E[theta | x] has only as many dimensions as
theta, and is what a quadratic loss needs of x. A network is fitted to it by least squares on the
simulations, and the weights are kept that do best on a part that it does not see. Where the posterior is
not told by its mean (two_moons) the summary loses what x had. Reference: Fearnhead and Prangle, Constructing
summary statistics for approximate Bayesian computation, JRSS B 2012.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from methods.contract.seeding import derive_seed
from methods.learning.networks import mlp, seeded
from methods.learning.training import Validation, train
from methods.transforms.standardizer import Standardizer

__all__ = ["PosteriorMean"]

HELD_OUT = 0.1
WIDTH, DEPTH = 64, 3
STEPS, BATCH, RATE = 3000, 128, 1e-3
LOOK, PATIENCE = 100, 15


class PosteriorMean:
    """The map x -> standardised estimate of E[theta | x], ``(N, dim_x)`` to ``(N, dim_theta)``."""

    def __init__(self, network: nn.Module, scale_x: Standardizer, scale_summary: Standardizer) -> None:
        self.network, self.scale_x, self.scale_summary = network, scale_x, scale_summary

    @classmethod
    def fit(cls, theta: Tensor, x: Tensor, seed: int) -> PosteriorMean:
        """Fit on simulations theta ``(K, dim_theta)``, standardised, and x ``(K, dim_x)``, in any units.

        A part held out chooses the weights.
        """
        scale_x = Standardizer.fit(x)
        inputs = squash(scale_x(x))
        num_held = max(1, round(HELD_OUT * len(x)))
        order = torch.randperm(
            len(x), generator=torch.Generator().manual_seed(derive_seed("held-out rows", seed))
        ).to(x.device)
        held, rest = order[:num_held], order[num_held:]
        network = seeded(lambda: mlp(x.shape[1], theta.shape[1], WIDTH, DEPTH), seed).to(inputs)

        def loss(batch: Tensor, target: Tensor) -> Tensor:
            return (network(batch) - target).square().mean()

        train(
            network,
            loss,
            (inputs[rest], theta[rest]),
            steps=STEPS,
            batch_size=BATCH,
            learning_rate=RATE,
            seed=seed,
            validation=Validation(
                lambda: float(loss(inputs[held], theta[held])), every=LOOK, patience=PATIENCE
            ),
        )
        with torch.no_grad():
            scale_summary = Standardizer.fit(network(inputs))
        return cls(network, scale_x, scale_summary)

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Summaries of x ``(..., dim_x)``, ``(..., dim_theta)``."""
        return self.scale_summary(self.network(squash(self.scale_x(x))))


def squash(values: Tensor) -> Tensor:
    """Sign-preserving logarithm: heavy-tailed data (sir's counts) would else be a network's worst input."""
    return values.sign() * values.abs().log1p()
