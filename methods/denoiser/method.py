"""``denoiser``: a learned conditional denoiser as a sampler by its probability-flow ODE."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.distributions import Distribution

from methods.contract.base import Method, Posterior
from methods.contract.checks import check_simulations
from methods.contract.counting import Evaluations
from methods.contract.registry import register_method
from methods.denoiser.fit import DenoiserSettings, FittedDenoiser, fit_denoiser
from methods.denoiser.flow import DenoiserFlow
from methods.denoiser.gaussian_base import GaussianBase
from methods.denoiser.likelihood import log_likelihood
from methods.diffusion import SolverName

__all__ = ["Denoiser", "DenoiserMethod", "DenoiserPosterior"]

LEAST = 20  # simulations, a tenth of which is held out


class DenoiserPosterior(Posterior):
    """Samples by the ODE; never outside the prior.

    Attributes:
        base: Coordinates of theta.
        flow: The ODE.
        log_likelihood: Mean log density of held-out simulations' theta given their x, in nats.
    """

    def __init__(self, base: GaussianBase, flow: DenoiserFlow, log_likelihood: float) -> None:
        self.base, self.flow, self.log_likelihood = base, flow, log_likelihood
        self._evaluations = Evaluations()
        networks = [flow.network, *base.networks]
        for network in networks:
            self._evaluations.watch(network)
        self.num_parameters = sum(p.numel() for network in networks for p in network.parameters())
        self.nfe = float("nan")

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Carry fresh noise through the ODE, ``(n, dim_theta)``."""
        return self.sample_batched(sample_shape, x)[:, 0]

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Carry noise for all observations x ``(B, dim_x)`` through one ODE, ``(n, B, dim_theta)``."""
        (n,) = sample_shape
        slope = self.base.slope
        c = self.base.encode_x(x.to(slope.device))
        z = torch.randn(n, len(c), len(slope), device=slope.device)
        theta, self.nfe = self._evaluations.per_sample(lambda: self.base.theta(self.flow.for_each(z, c), c))
        return theta

    def log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log density by the change of volume along the ODE, ``(N,)``; minus infinity outside the prior."""
        theta = theta.to(self.base.slope.device)
        c = self.base.encode_x(x.to(theta.device))
        w = self.base.whiten(theta, c)
        log_density = log_likelihood(self.flow.network, w, c) + self.base.log_slope(theta, c)
        return log_density.where(self.base.unbounded.inside(theta), -torch.inf)


class DenoiserMethod(Method):
    """Parameters of all methods that stand on a learned denoiser.

    Arguments:
        width: Units of a hidden layer.
        depth: Hidden layers of the denoiser; its emulator has no more than three.
        training_steps: Optimiser steps of the longest training; held-out simulations end it earlier.
        num_emulated: Simulations that an emulator adds as a head start, kept where they help; 0 for none.
        solver: ODE solver.
        steps: Its steps.
    """

    citation = "Karras et al., NeurIPS 2022; Lu, Song, ICLR 2025; base and head start are the suite's own"
    libraries: ClassVar[tuple[str, ...]] = (
        "scipy.stats",
        "sklearn.kernel_approximation",
        "sklearn.linear_model",
        "sklearn.model_selection",
        "sklearn.pipeline",
        "sklearn.preprocessing",
    )
    version = "4"
    width: int = Field(default=128, ge=1)
    depth: int = Field(default=5, ge=1)
    training_steps: int = Field(default=4000, ge=2)
    num_emulated: int = Field(default=60_000, ge=0)
    solver: SolverName = "ab2"
    steps: int = Field(default=24, ge=2)

    def fit_teacher(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str, seed: int
    ) -> DenoiserPosterior:
        """The denoiser of simulations theta ``(K, dim_theta)``, x ``(K, dim_x)``, with its ODE.

        Raises:
            ValueError: for fewer than 20 simulations, values that are not finite, a constant column of theta,
                an x that is constant throughout, or a prior on other than intervals, half-lines and lines.
        """
        check_simulations(theta, x, least=LEAST, who="a denoiser")
        settings = DenoiserSettings(self.width, self.depth, self.training_steps, self.num_emulated, seed)
        fitted: FittedDenoiser = fit_denoiser(prior, theta.to(device), x.to(device), settings)
        flow = DenoiserFlow(fitted.network, self.solver, self.steps)
        return DenoiserPosterior(fitted.base, flow, fitted.log_likelihood)


@register_method("denoiser")
class Denoiser(DenoiserMethod):
    """The teacher of ``one_pass`` by itself."""

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> DenoiserPosterior:
        """Train on the simulations."""
        return self.fit_teacher(prior, theta, x, device, seed)
