"""A learned summary of the data: an estimate of the posterior mean replaces x in the kernel's weights.

The error of a kernel estimate grows fast with the dimension of x. The posterior mean E[theta | x] has only as
many dimensions as theta, and it is the optimal summary under quadratic loss. A network is fitted to it by
least squares on the simulations, and the weights with the lowest error on a held-out part are kept. If the
mean does not determine the posterior (two_moons), the summary loses information.
Reference: Fearnhead, Prangle: Constructing summary statistics for approximate Bayesian computation, JRSS B
2012.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from methods.contract.seeding import derive_seed
from methods.learning.networks import mlp, seeded
from methods.learning.training import Validation, train
from methods.transforms.standardizer import Standardizer
from methods.transforms.tails import ScaledData

__all__ = ["PosteriorMean"]

HELD_OUT = 0.1
WIDTH, DEPTH = 64, 3
STEPS, BATCH, RATE = 3000, 128, 1e-3
EVERY, PATIENCE = 100, 15  # Steps between validations, and validations without improvement before the end.


class PosteriorMean:
    """The map from x ``(N, dim_x)`` to a standardised estimate of E[theta | x], ``(N, dim_theta)``.

    Arguments:
        network: Network that estimates the posterior mean.
        scale_x: Standardisation of x.
        scale_summary: Standardizer of the network's outputs.
    """

    def __init__(self, network: nn.Module, scale_x: ScaledData, scale_summary: Standardizer) -> None:
        self.network, self.scale_x, self.scale_summary = network, scale_x, scale_summary

    @classmethod
    def fit(cls, theta: Tensor, x: Tensor, seed: int) -> PosteriorMean:
        """Fit the network on simulations; the loss on a held-out tenth chooses the weights.

        Arguments:
            theta: Standardised parameters, ``(K, dim_theta)``.
            x: Data in any units, ``(K, dim_x)``.
            seed: Seed for held-out rows, weights and batches.
        """
        scale_x = ScaledData(x)
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
                lambda: float(loss(inputs[held], theta[held])), every=EVERY, patience=PATIENCE
            ),
        )
        with torch.no_grad():
            scale_summary = Standardizer.fit(network(inputs))
        return cls(network, scale_x, scale_summary)

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Return summaries ``(..., dim_theta)`` of x ``(..., dim_x)``."""
        return self.scale_summary(self.network(squash(self.scale_x(x))))


def squash(values: Tensor) -> Tensor:
    """Return sign(values) log(1 + |values|), which shortens the tails of data such as sir's counts."""
    return values.sign() * values.abs().log1p()
