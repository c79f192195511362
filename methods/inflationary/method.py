"""``inflationary``: a dimension-preserving inflationary flow of theta, given x.

Noise whose variances grow exponentially in time turns the data into a Gaussian. The probability-flow ODE of
this diffusion is a deterministic one-to-one map between data and Gaussian latents, and it preserves the
participation ratio tr(C)² / tr(C²) of the data's covariance C. In whitened coordinates w with noise variances
gamma(t) and a denoiser D, the objective and the flow of noisy data y are

    minimise over D   E | D(y, t, x) - w |² (1 + gamma) / gamma,    y = w + gamma(t)^(1/2) noise,
    dy/dt = (d gamma/dt) (y - D(y, t, x)) / (2 gamma).

With ``keep``, a second flow without conditions reduces x to so many dimensions, without use of theta.

Reference: de Albuquerque, Pearson: Inflationary flows: calibrated Bayesian inference with diffusion-based
models, NeurIPS 2024, arXiv 2407.08843.

Not as published: the publication models data without conditions; here the flow of theta is conditional on x.
Coordinates are whitened, and noise is proportional to the data's variance in each direction
(:mod:`.schedule`). The rate rho = 2 is the publication's. The noise variance at the start is 1e-5 instead of
5e-4, so that narrow posteriors are not blurred, and inflation ends at 9 instead of 7.01 (the publication's
circles), so that the noise at the end is about the same. The flow is integrated in variables of unit variance
(:mod:`.flow`).
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
from methods.contract.priors import check_continuous
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

LEAST = 20  # Smallest number of simulations, a tenth of which is held out.
BLEND = 0.1  # Share of the probit in the coordinates of bounded theta, see :class:`Unbounded`.

Encode = Callable[[Tensor], Tensor]


class InflationaryPosterior(Posterior):
    """A posterior that maps standard normal latents to samples. They are never outside the prior's support.

    Arguments:
        unbounded: Map from theta to unbounded coordinates.
        whitening: Whitening of these coordinates under the prior.
        encode_x: Function of x ``(B, dim_x)`` that returns the flow's conditions ``(B, dim_c)``.
        flow: Flow between latents and whitened coordinates.
        networks: Networks that sampling runs: the denoisers of this flow and of the flow of x, if available.
        device: Device of the flow.
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
        """Draw ``(n, dim_theta)`` samples for one observation x ``(1, dim_x)``."""
        return self.sample_batched(sample_shape, x)[:, 0]

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, B, dim_theta)`` samples for all observations x ``(B, dim_x)`` at once."""
        (n,) = sample_shape
        theta, self.nfe = self._evaluations.per_sample(lambda: self._drawn(n, x))
        return theta

    def log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log density ``(N,)``, in nats, from the change of volume along the flow.

        It is minus infinity outside the prior's support.
        """
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
    """A flow that preserves the dimension of theta maps Gaussian latents to the posterior.

    See this module's docstring for the objective, the reference and the differences from the publication.

    Arguments:
        keep: Number of dimensions to which a separate flow reduces x; None uses x unchanged.
        gap: Inflation gap of the flow of x.
        rho: Rate of inflation.
        start_noise: Noise variance at the start, in units of the data's variance.
        end: Time at which inflation ends.
        width: Number of units in a hidden layer.
        depth: Number of hidden layers.
        training_steps: Maximum number of optimiser steps. The loss on held-out simulations may end training
            earlier.
        training_batch_size: Number of simulations per step.
        solver: Name of the ODE solver: Euler, Heun, or Dormand and Prince (adaptive).
        steps: Number of steps of Euler's or Heun's method.
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

    def check_prior(self, prior: Distribution) -> None:
        """Raise ValueError if the support does not consist of intervals, half-lines or lines."""
        check_continuous(prior, self.name)
        Unbounded(prior)

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> InflationaryPosterior:
        """Train the flow of theta, after the flow of x if ``keep`` is given.

        Raises:
            ValueError: If there are fewer than 20 simulations, values are not finite, a column of theta is
                constant, all columns of x are constant, the prior's support does not consist of intervals,
                half-lines or lines, or ``keep`` is not less than the number of directions in which x varies.
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
        """Return the encoding of x and the networks that it runs."""
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
