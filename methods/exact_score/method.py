"""``exact_score``: training-free samples by the probability-flow ODE of a kernel posterior.

Gaussian kernels on the simulations (theta_k, x_k) give an estimate of the posterior. The score of its
diffusion is known in closed form, so the probability-flow ODE maps standard normal noise to samples without
any training. With v = alpha² h_theta² + beta²,

    p(theta | x) = sum_k w_k(x) N(theta; theta_k, h_theta² I),    w_k(x) ∝ N(x; x_k, h_x² I),
    score(z, t | x) = (alpha E[theta_k | z, x] - z) / v,          z = alpha theta + beta noise.

The expected centre E[theta_k | z, x] is one softmax attention, see :mod:`.kernel_posterior`.

Reference: Zhang, Tatsuoka, Xiu, Zhang: Exact conditional score-guided generative modeling for amortized
inference in uncertainty quantification, arXiv 2506.18227.

Not as published: the publication integrates the ODE of the joint mixture of theta and x (:mod:`.joint`); here
the block of x is integrated out, which gives the same posterior of theta. The ODE is solved by DPM-Solver++
2M in 30 steps by default instead of explicit Euler in 1000 steps. Bandwidths maximise the leave-one-out
likelihood of standardised simulations instead of being set by hand; ``bandwidth=manual`` with
``standardize=false`` reproduces the published ones. A learned summary may replace x in the weights. Heavy
tails of theta are compressed (:mod:`methods.transforms.heavy_tails`), because no single width of the kernel
suits a prior such as Cauchy's. Draws outside the prior are replaced by new ones, for a bounded number of
rounds (:mod:`methods.contract.inside`), and the few that are then left by simulated parameters. The density
is that of the kernel estimate restricted to the prior.
"""

from __future__ import annotations

import copy
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
from methods.contract.inside import InsidePrior
from methods.contract.priors import check_continuous
from methods.contract.registry import register_method
from methods.contract.seeding import derive_seed
from methods.diffusion.solvers import Denoiser, SolverName, solve
from methods.exact_score.bandwidth import leave_one_out
from methods.exact_score.centres import Centres
from methods.exact_score.kernel_posterior import KernelPosterior
from methods.exact_score.summary import PosteriorMean
from methods.transforms.heavy_tails import ScaledTheta
from methods.transforms.standardizer import Standardizer
from methods.transforms.tails import ScaledData

__all__ = ["Encoder", "ExactScore", "ExactScorePosterior", "FlowMap", "KernelMethod"]

Encoder = Callable[[Tensor], Tensor]  # Map from x to the input of the weights, (N, dim_x) -> (N, any).

BATCH = 8192  # Rows of z that are integrated at once.
KEYS = 2**18  # Keys of the attention at once. With eight columns they take 8 MB.


@dataclass(frozen=True)
class FlowMap:
    """The deterministic map (z, x) -> theta of a kernel posterior's ODE, in the kernel's own units.

    Arguments:
        kernel: Kernel posterior whose score is integrated.
        solver: Name of the ODE solver.
        steps: Number of solver steps.
        evaluations: Counter of score evaluations.
    """

    kernel: KernelPosterior
    solver: SolverName
    steps: int
    evaluations: Evaluations = field(default_factory=Evaluations, repr=False, compare=False)

    def __call__(self, z: Tensor, x: Tensor) -> Tensor:
        """Map noise z ``(N, dim_theta)`` to theta ``(N, dim_theta)`` given x ``(1 or N, dim_x)``."""
        parts = []
        for rows in torch.arange(len(z)).split(BATCH):
            condition = x if len(x) == 1 else x[rows]
            parts.append(self._carry(self.kernel.denoiser(condition), z[rows]))
        return torch.cat(parts)

    def for_each(self, z: Tensor, x: Tensor) -> Tensor:
        """Map noise z ``(n, B, dim_theta)`` to theta of the same shape, given x ``(B, dim_x)``."""
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
    """A posterior that samples by the ODE. Its density is that of the kernel posterior, in closed form.

    Draws outside the prior are replaced, and the density is restricted to the prior.

    Attributes:
        flow: Map from noise to scaled theta by the ODE.
        scale_theta: Scaling of theta.
        encode_x: Map from x to the input of the weights.
        centres: Replacement of draws outside the prior; None to keep all draws.
        networks: Networks that ``encode_x`` runs.
    """

    def __init__(
        self, flow: FlowMap, scale_theta: ScaledTheta, encode_x: Encoder, centres: Centres | None
    ) -> None:
        self.flow, self.scale_theta, self.encode_x = flow, scale_theta, encode_x
        self.centres = None if centres is None or centres.inside.everywhere else centres
        self.networks = [encode_x.network] if isinstance(encode_x, PosteriorMean) else []
        for network in self.networks:
            flow.evaluations.watch(network)
        self.num_parameters = sum(p.numel() for network in self.networks for p in network.parameters())
        self.nfe = float("nan")

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, dim_theta)`` samples for one observation x ``(1, dim_x)`` by the ODE."""
        return self.sample_batched(sample_shape, x)[:, 0]

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, B, dim_theta)`` samples for all observations x ``(B, dim_x)`` by one ODE."""
        (n,) = sample_shape
        theta, self.nfe = self.flow.evaluations.per_sample(
            lambda: self._drawn(n, self.encode_x(x.to(self.flow.kernel.theta)))
        )
        return theta

    def _drawn(self, n: int, c: Tensor) -> Tensor:
        theta = self._solved(n, c)
        return theta if self.centres is None else self.centres.kept(theta, c, self._solved)

    def _solved(self, n: int, c: Tensor) -> Tensor:
        """Return ``(n, B, dim_theta)`` draws by the ODE given encoded x ``(B, dim_c)``."""
        like = self.flow.kernel.theta
        z = torch.randn(n, len(c), like.shape[1], device=like.device, dtype=like.dtype)
        return self.scale_theta.inverse(self.flow.for_each(z, c))

    def without_rejection(self) -> ExactScorePosterior:
        """Return a copy that keeps draws outside the prior, or ``self`` if the prior has no bounds."""
        if self.centres is None:
            return self
        raw = copy.copy(self)
        raw.centres = None
        return raw

    def log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log density ``(N,)`` of the kernel posterior, in nats and in the units of theta.

        It is that of the kernel posterior restricted to the prior, and minus infinity outside. The
        probability inside is estimated from 10 000 draws of the kernel posterior, without an ODE. These are
        the same in every call.
        """
        kernel = self.flow.kernel
        theta = theta.to(kernel.theta)
        c = self.encode_x(x.to(kernel.theta))
        log_p = kernel.log_prob(self.scale_theta(theta), c) + self.scale_theta.log_slope(theta)
        if self.centres is None:
            return log_p
        inside = self.centres.inside
        log_share = inside.log_share(lambda m: self.scale_theta.inverse(kernel.sample(m, c)))
        return (log_p - log_share).where(inside(theta), -torch.inf)


class KernelMethod(Method):
    """The base class of all methods that use the kernel posterior, with their common parameters.

    Arguments:
        bandwidth: Choice of the bandwidths: ``loo`` maximises the leave-one-out likelihood, ``manual`` uses
            the two parameters below.
        theta_bandwidth: Standard deviation h_theta of the kernel in theta, only for ``bandwidth=manual``.
        x_bandwidth: Standard deviation h_x of the kernel in x, only for ``bandwidth=manual``.
        standardize: Whether to scale theta and x to unit variance first, and to compress heavy tails of theta
            and extreme tails of x.
            Manual bandwidths are in the resulting units: standardised if true, physical if false, as in the
            paper's experiments.
        summary: Input of the weights: x itself (``none``), or a learned estimate of the posterior mean
            (``posterior_mean``) in units of its own standard deviation.
        solver: Name of the ODE solver.
        steps: Number of solver steps. Each costs one evaluation of the score, or two with ``heun``.
    """

    citation = "arXiv 2506.18227"
    libraries: ClassVar[tuple[str, ...]] = ("scipy.optimize",)
    version = "5"
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

    def check_prior(self, prior: Distribution) -> None:
        """Raise ValueError if a parameter takes whole numbers only."""
        check_continuous(prior, self.name)

    def fit_kernel(self, prior: Distribution, theta: Tensor, x: Tensor, seed: int) -> ExactScorePosterior:
        """Return the ODE sampler of the simulations theta ``(K, dim_theta)`` and x ``(K, dim_x)``.

        Raises:
            ValueError: If there are fewer than two simulations, values are not finite, a column of theta is
                constant, all columns of x are constant, or no theta is inside the prior.
        """
        check_simulations(theta, x, least=2, who="a kernel posterior")
        simulated = theta
        scale_theta = (ScaledTheta.fit if self.standardize else ScaledTheta.identity)(theta)
        theta = scale_theta(theta)
        encode_x: Encoder = ScaledData(x) if self.standardize else Standardizer.identity(x)
        if self.summary == "posterior_mean":
            encode_x = PosteriorMean.fit(theta, x, derive_seed("summary", seed))
        x = encode_x(x)
        if self.theta_bandwidth is not None and self.x_bandwidth is not None:
            h_theta, h_x = self.theta_bandwidth, self.x_bandwidth
        else:
            h_theta, h_x = leave_one_out(theta, x, seed=seed)
        kernel = KernelPosterior(theta, x, h_theta, h_x)
        centres = Centres(simulated, kernel, InsidePrior(prior, theta.shape[1]))
        return ExactScorePosterior(FlowMap(kernel, self.solver, self.steps), scale_theta, encode_x, centres)


@register_method("exact_score")
class ExactScore(KernelMethod):
    """The exact score of a kernel posterior gives samples by an ODE, without training.

    See this module's docstring for the equations, the reference and the differences from the publication.
    """

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> ExactScorePosterior:
        """Store the simulations and choose the bandwidths; see :meth:`fit_kernel` for errors.

        Nothing is trained, unless ``summary=posterior_mean``.
        """
        return self.fit_kernel(prior, theta.to(device), x.to(device), seed)
