"""``exact_score``: sample the kernel posterior by its probability-flow ODE, without any training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.distributions import Distribution

from methods.contract.base import Method, Posterior
from methods.contract.checks import check_simulations
from methods.contract.counting import Evaluations
from methods.contract.registry import register_method
from methods.contract.seeding import derive_seed
from methods.diffusion.solvers import Denoiser, SolverName, solve
from methods.exact_score.bandwidth import leave_one_out
from methods.exact_score.kernel_posterior import KernelPosterior
from methods.exact_score.summary import PosteriorMean
from methods.transforms.standardizer import Standardizer

__all__ = ["Encoder", "ExactScore", "ExactScorePosterior", "FlowMap", "KernelMethod"]

Encoder = Callable[[Tensor], Tensor]  # what of x the weights see, (N, dim_x) -> (N, any)

BATCH = 8192  # rows of z carried through the ODE at once
KEYS = 2**18  # of the attention at once: with eight columns they take 8 MB


@dataclass(frozen=True)
class FlowMap:
    """The deterministic map (z, x) -> theta of a kernel posterior's ODE, in the kernel's own units.

    Arguments:
        kernel: Whose score is integrated.
        solver: ODE solver.
        steps: Its steps.
        evaluations: Counts evaluations of the score.
    """

    kernel: KernelPosterior
    solver: SolverName
    steps: int
    evaluations: Evaluations = field(default_factory=Evaluations, repr=False, compare=False)

    def __call__(self, z: Tensor, x: Tensor) -> Tensor:
        """Carry noise z ``(N, dim_theta)`` to theta ``(N, dim_theta)`` given x ``(1 or N, dim_x)``."""
        parts = []
        for rows in torch.arange(len(z)).split(BATCH):
            condition = x if len(x) == 1 else x[rows]
            parts.append(self._carry(self.kernel.denoiser(condition), z[rows]))
        return torch.cat(parts)

    def for_each(self, z: Tensor, x: Tensor) -> Tensor:
        """Carry noise z ``(n, B, dim_theta)`` to theta of the same shape, given x ``(B, dim_x)``."""
        observations = min(BATCH, max(1, KEYS // len(self.kernel.theta)))
        parts = []
        for some_z, some_x in zip(z.transpose(0, 1).split(observations), x.split(observations), strict=True):
            denoise = self.kernel.denoiser_for_each(some_x)
            draws = max(1, BATCH // len(some_x))
            parts.append(
                torch.cat([self._carry(denoise, part) for part in some_z.split(draws, dim=1)], dim=1)
            )
        return torch.cat(parts).transpose(0, 1)

    def _carry(self, denoise: Denoiser, z: Tensor) -> Tensor:
        score = self.evaluations.of(denoise)
        return solve(score, z, self.solver, self.steps, self.kernel.schedule)


class ExactScorePosterior(Posterior):
    """Samples by the ODE; the density is the kernel posterior's, in closed form.

    Attributes:
        flow: The ODE, in standardised units.
        scale_theta: From the units of theta to those.
        encode_x: What of x the weights see.
        networks: Networks that ``encode_x`` runs.
    """

    def __init__(self, flow: FlowMap, scale_theta: Standardizer, encode_x: Encoder) -> None:
        self.flow, self.scale_theta, self.encode_x = flow, scale_theta, encode_x
        self.networks = [encode_x.network] if isinstance(encode_x, PosteriorMean) else []
        for network in self.networks:
            flow.evaluations.watch(network)
        self.num_parameters = sum(p.numel() for network in self.networks for p in network.parameters())
        self.nfe = float("nan")

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Carry fresh noise through the ODE, ``(n, dim_theta)``."""
        return self.sample_batched(sample_shape, x)[:, 0]

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Carry noise for all observations x ``(B, dim_x)`` through one ODE, ``(n, B, dim_theta)``."""
        (n,) = sample_shape
        centres = self.flow.kernel.theta
        z = torch.randn(n, len(x), centres.shape[1], device=centres.device, dtype=centres.dtype)
        theta, self.nfe = self.flow.evaluations.per_sample(
            lambda: self.flow.for_each(z, self.encode_x(x.to(centres)))
        )
        return self.scale_theta.inverse(theta)

    def log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log density of the kernel posterior in the units of theta, ``(N,)``."""
        centres = self.flow.kernel.theta
        scaled = self.scale_theta(theta.to(centres))
        log_p = self.flow.kernel.log_prob(scaled, self.encode_x(x.to(centres)))
        return log_p - self.scale_theta.std.log().sum()


class KernelMethod(Method):
    """Parameters of all methods that stand on the kernel posterior.

    Arguments:
        bandwidth: ``loo`` maximises the leave-one-out likelihood; ``manual`` takes the two below.
        theta_bandwidth: Standard deviation h_theta of the kernel in theta.
        x_bandwidth: Standard deviation h_x of the kernel in x.
        standardize: Scale theta and x to unit variance first; manual bandwidths are in those units. If
            false, everything is in physical units, as in the paper's experiments.
        summary: What the weights compare: x itself (``none``), or a learned estimate of the posterior mean
            (``posterior_mean``), in units of its own standard deviation.
        solver: ODE solver.
        steps: Its steps, one evaluation of the score each, for ``heun`` two.
    """

    citation = "arXiv 2506.18227"
    libraries: ClassVar[tuple[str, ...]] = ("scipy.optimize",)
    version = "4"
    bandwidth: Literal["loo", "manual"] = "loo"
    theta_bandwidth: float | None = Field(default=None, gt=0)
    x_bandwidth: float | None = Field(default=None, gt=0)
    standardize: bool = True
    summary: Literal["none", "posterior_mean"] = "none"
    solver: SolverName = "dpmpp_2m"
    steps: int = Field(default=30, ge=2)

    @model_validator(mode="after")
    def _bandwidths_agree(self) -> KernelMethod:
        given = [self.theta_bandwidth is not None, self.x_bandwidth is not None]
        if self.bandwidth == "manual" and not all(given):
            raise ValueError("bandwidth=manual needs both theta_bandwidth and x_bandwidth")
        if self.bandwidth == "loo" and any(given):
            raise ValueError("theta_bandwidth and x_bandwidth need bandwidth=manual")
        return self

    def fit_kernel(self, theta: Tensor, x: Tensor, seed: int) -> ExactScorePosterior:
        """The ODE sampler on the simulations theta ``(K, dim_theta)``, x ``(K, dim_x)``.

        Raises:
            ValueError: for fewer than two simulations, values that are not finite, a constant column of
                theta, or an x that is constant throughout.
        """
        check_simulations(theta, x, least=2, who="a kernel posterior")
        scaler = Standardizer.fit if self.standardize else Standardizer.identity
        scale_theta = scaler(theta)
        theta = scale_theta(theta)
        encode_x: Encoder = scaler(x)
        if self.summary == "posterior_mean":
            encode_x = PosteriorMean.fit(theta, x, derive_seed("summary", seed))
        x = encode_x(x)
        if self.theta_bandwidth is not None and self.x_bandwidth is not None:
            h_theta, h_x = self.theta_bandwidth, self.x_bandwidth
        else:
            h_theta, h_x = leave_one_out(theta, x, seed=seed)
        kernel = KernelPosterior(theta, x, h_theta, h_x)
        return ExactScorePosterior(FlowMap(kernel, self.solver, self.steps), scale_theta, encode_x)


@register_method("exact_score")
class ExactScore(KernelMethod):
    """Training-free sampling by the exact score of the kernel posterior."""

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> ExactScorePosterior:
        """Store the simulations and choose the bandwidths; nothing is trained."""
        return self.fit_kernel(theta.to(device), x.to(device), seed)
