"""``inflationary``: a dimension-preserving inflationary flow of theta, conditional on x.

With ``keep`` x is seen through a flow of its own, which reduces it to so many dimensions without looking at
theta.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Distribution

from methods.contract.base import Method, Posterior
from methods.contract.checks import check_simulations
from methods.contract.counting import Evaluations
from methods.contract.registry import register_method
from methods.contract.seeding import derive_seed
from methods.inflationary.fit import fit_flow
from methods.inflationary.flow import FlowSolver, InflationaryFlow
from methods.inflationary.schedule import InflationSchedule
from methods.learning.sizes import Sizes
from methods.transforms.encoding import Encoding
from methods.transforms.unbounded import Unbounded
from methods.transforms.whitening import Whitening

__all__ = ["Inflationary", "InflationaryPosterior"]

LEAST = 20  # simulations, a tenth of which is held out
BLEND = 0.1  # of the probit in the coordinates of bounded theta, see :class:`Unbounded`

Encode = Callable[[Tensor], Tensor]


class InflationaryPosterior(Posterior):
    """Samples by generating from standard normal latents; never outside the prior.

    Arguments:
        unbounded: Coordinates of theta.
        whitening: Their principal components under the prior.
        encode_x: What the flow sees of x ``(B, dim_x)``, ``(B, dim_c)``.
        flow: From latents to whitened coordinates.
        networks: What sampling runs: the denoisers of the flow and of that of x, if there is one.
        device: Where the flow is.
    """

    def __init__(
        self,
        unbounded: Unbounded,
        whitening: Whitening,
        encode_x: Encode,
        flow: InflationaryFlow,
        networks: Sequence[nn.Module],
        device: torch.device,
    ) -> None:
        self.flow = flow
        self._unbounded, self._whitening, self._encode_x = unbounded, whitening, encode_x
        self._device = device
        self._evaluations = Evaluations()
        for network in networks:
            self._evaluations.watch(network)
        self.num_parameters = sum(p.numel() for network in networks for p in network.parameters())
        self.nfe = float("nan")

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Generate from fresh latents, ``(n, dim_theta)``."""
        return self.sample_batched(sample_shape, x)[:, 0]

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Generate for all observations x ``(B, dim_x)`` at once, ``(n, B, dim_theta)``."""
        (n,) = sample_shape
        theta, self.nfe = self._evaluations.per_sample(lambda: self._drawn(n, x))
        return theta

    def log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log density by the change of volume, ``(N,)``; minus infinity outside the prior."""
        theta = theta.to(self._device)
        w = self._whitening(self._unbounded(theta)).float()
        log_density = self.flow.log_prob(w, self._encode_x(x.to(self._device)))
        log_slope = self._whitening.log_slope + self._unbounded.log_slope(theta)
        return (log_density + log_slope.float()).where(self._unbounded.inside(theta), -torch.inf)

    @torch.no_grad()
    def _drawn(self, n: int, x: Tensor) -> Tensor:
        c = self._encode_x(x.to(self._device))
        latent = torch.randn(n * len(c), len(self._whitening.deviations), device=self._device)
        w = self.flow.generate(latent, c if len(c) == 1 else c.repeat(n, 1))
        return self._unbounded.inverse(self._whitening.inverse(w)).float().unflatten(0, (n, len(c)))


@register_method("inflationary")
class Inflationary(Method):
    """Inflationary flow of theta given x.

    Rate and end are the paper's on its toy data but for less noise at the start, so that narrow posteriors
    are not blurred.

    Arguments:
        keep: Dimensions that x is reduced to by a flow of its own; None for x as it is.
        gap: Inflation gap of that flow.
        rho: Rate of inflation.
        start_noise: Noise variance at the start, in units of the prior's variance.
        end: Time of inflation.
        width: Units of a hidden layer.
        depth: Hidden layers.
        training_steps: Optimiser steps at most; held-out simulations end the training earlier.
        training_batch_size: Simulations a step.
        solver: Euler, Heun, or Dormand and Prince (adaptive).
        steps: Of the first two.
    """

    libraries: ClassVar[tuple[str, ...]] = ("sklearn.preprocessing", "torchdiffeq")
    version = "2"
    citation: ClassVar[str] = "de Albuquerque, Pearson: Inflationary flows, NeurIPS 2024 (arXiv 2407.08843)"
    keep: int | None = Field(default=None, ge=1)
    gap: float = Field(default=1.02, gt=0, lt=2)
    rho: float = Field(default=2.0, gt=0)
    start_noise: float = Field(default=1e-5, gt=0)
    end: float = Field(default=9.0, gt=0)
    width: int = Field(default=128, ge=1)
    depth: int = Field(default=5, ge=1)
    training_steps: int = Field(default=4000, ge=2)
    training_batch_size: int = Field(default=256, ge=1)
    solver: FlowSolver = "heun"
    steps: int = Field(default=40, ge=1)

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> InflationaryPosterior:
        """Train the flow, and that of x before it where x is reduced.

        Raises:
            ValueError: for fewer than 20 simulations, values that are not finite, a constant column of theta,
                an x that is constant throughout, a prior on other than intervals, half-lines and lines, or
                ``keep`` not less than the directions in which x varies.
        """
        check_simulations(theta, x, least=LEAST, who="an inflationary flow")
        theta, x = theta.to(device), x.to(device)
        encode_x, networks = self._encoding(x, self._sizes("flow of x", seed))
        unbounded = Unbounded(prior, BLEND)
        u = unbounded(theta)
        whitening = Whitening.fit(u)
        plan = {"rho": self.rho, "end": self.end, "start_noise": self.start_noise}
        schedule = InflationSchedule.preserving(len(whitening.deviations), **plan)
        sizes = self._sizes("flow of theta", seed)
        flow = fit_flow(whitening(u).float(), encode_x(x), schedule, sizes, self.solver, self.steps)
        networks += flow.networks
        return InflationaryPosterior(unbounded, whitening, encode_x, flow, networks, theta.device)

    def _sizes(self, stage: str, seed: int) -> Sizes:
        seed = derive_seed(stage, seed)
        return Sizes(self.width, self.depth, self.training_steps, self.training_batch_size, seed)

    def _encoding(self, x: Tensor, sizes: Sizes) -> tuple[Encode, list[nn.Module]]:
        """What is seen of x, and the networks that this runs."""
        encoding = Encoding(x)
        if self.keep is None:
            return encoding, []
        columns = encoding(x)
        whitening = Whitening.fit(columns)
        plan = {"rho": self.rho, "end": self.end, "start_noise": self.start_noise, "gap": self.gap}
        schedule = InflationSchedule.reducing(len(whitening.deviations), self.keep, **plan)
        w = whitening(columns).float()
        flow = fit_flow(w, w[:, :0], schedule, sizes, self.solver, self.steps)

        def reduced(x: Tensor) -> Tensor:
            w = whitening(encoding(x)).float()
            return flow.inflate(w, w[:, :0])[:, : self.keep]

        return reduced, flow.networks
