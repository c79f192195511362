"""``denoiser``: posterior samples by the probability-flow ODE of a learned conditional denoiser.

A network learns to remove noise from theta given x. Its denoised mean gives the score of the noisy posterior,
and the probability-flow ODE with this score maps standard normal noise to posterior samples. With whitened
residuals w of theta, encoded data c, noise e ~ N(0, I) and an angle t in [0, pi / 2], the objective is

    minimise over F   E | F(cos(t) w + sin(t) e, t, c) - (cos(t) e - sin(t) w) |²,

and the ODE is dz/dt = F(z, t, c), from z ~ N(0, I) at t = pi / 2 to w = z at t = 0.

References: Karras, Aittala, Aila, Laine: Elucidating the design space of diffusion-based generative models,
NeurIPS 2022; Lu, Song: Simplifying, stabilizing and scaling continuous-time consistency models, ICLR 2025.

Not as published: the publications learn unconditional or class-conditional image models. Here w are the
residuals of a regression of theta on x in unbounded coordinates (:mod:`.gaussian_base`), so the untrained
network already samples a Gaussian approximation. Where held-out theta are clearly likelier under it, they are
instead the residuals of Laplace's approximation under a learned likelihood (:mod:`.local_base`). On the
regression a learned emulator adds simulations as a head start (:mod:`.emulator`). The ODE is integrated by a
two-step Adams-Bashforth method by default. With ``refinement_steps`` above 0, samples are refined by Markov
chains on a learned likelihood, or by noise that the ODE removes (:mod:`.refinement`).
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.distributions import Distribution

from methods.contract.base import Method, Posterior
from methods.contract.checks import check_simulations
from methods.contract.counting import Evaluations
from methods.contract.priors import check_continuous
from methods.contract.registry import register_method
from methods.contract.seeding import derive_seed
from methods.denoiser.fit import DenoiserSettings, FittedDenoiser, fit_denoiser
from methods.denoiser.flow import DenoiserFlow
from methods.denoiser.likelihood import log_likelihood
from methods.denoiser.refinement import RefinedPosterior, choose_refinement
from methods.diffusion import SolverName
from methods.likelihood import LearnedLikelihood
from methods.transforms.unbounded import Unbounded

__all__ = ["Denoiser", "DenoiserMethod", "DenoiserPosterior"]

LEAST = 20  # Smallest number of simulations, a tenth of which is held out.


class DenoiserPosterior(Posterior):
    """A posterior that samples by the ODE. Its samples are never outside the prior's support.

    Attributes:
        base: Base, which maps residuals to theta.
        flow: Map from noise to residuals by the ODE.
        log_likelihood: Mean log density of the held-out simulations' theta given their x, in nats.
        held: Numbers of the held-out simulations.
        rest: Numbers of the other simulations.
    """

    def __init__(self, fitted: FittedDenoiser, flow: DenoiserFlow) -> None:
        self.base, self.flow, self.log_likelihood = fitted.base, flow, fitted.log_likelihood
        self.held, self.rest = fitted.held, fitted.rest
        base = self.base
        self._evaluations = Evaluations()
        networks = [flow.network, *base.networks]
        for network in networks:
            self._evaluations.watch(network)
        self.num_parameters = sum(p.numel() for network in networks for p in network.parameters())
        self.nfe = float("nan")
        self.diagnostics = {"log_density_theta": self.log_likelihood, **base.diagnostics}

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, dim_theta)`` samples for one observation x ``(1, dim_x)`` by the ODE."""
        return self.sample_batched(sample_shape, x)[:, 0]

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, B, dim_theta)`` samples for all observations x ``(B, dim_x)`` by one ODE."""
        (n,) = sample_shape
        theta, self.nfe = self._evaluations.per_sample(lambda: self._drawn(n, x.to(self.base.device)))
        return theta

    def _drawn(self, n: int, x: Tensor) -> Tensor:
        c = self.base.encode_x(x)
        z = torch.randn(n, len(c), self.base.dim_theta, device=c.device)
        return self.base.theta(self.flow.for_each(z, c), c)

    def log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log density ``(N,)``, in nats, from the change of volume along the ODE.

        It is minus infinity outside the prior's support.
        """
        theta = theta.to(self.base.device)
        c = self.base.encode_x(x.to(theta.device))
        w = self.base.whiten(theta, c)
        log_density = log_likelihood(self.flow.network, w, c) + self.base.log_slope(theta, c)
        return log_density.where(self.base.unbounded.inside(theta), -torch.inf)


class DenoiserMethod(Method):
    """The base class of all methods that use a learned denoiser, with their common parameters.

    Arguments:
        width: Number of units in a hidden layer.
        depth: Number of hidden layers of the denoiser. Its emulator has at most three.
        training_steps: Maximum number of optimiser steps of the longest training. The loss on held-out
            simulations may end it earlier.
        num_emulated: Number of emulated simulations that the denoiser is trained on as a head start; 0 for
            none. Data of more than 128 columns are not emulated.
        solver: Name of the ODE solver.
        steps: Number of solver steps.
        refinement_steps: Number of evaluations for each sample by which samples are refined; 0 for none, and
            otherwise at least 2. See :mod:`.refinement`. A touch-up uses at most four of them.
    """

    citation = "Karras et al., NeurIPS 2022; Lu, Song, ICLR 2025; base and head start are the suite's own"
    libraries: ClassVar[tuple[str, ...]] = (
        "scipy.stats",
        "sklearn.kernel_approximation",
        "sklearn.linear_model",
        "sklearn.model_selection",
        "sklearn.pipeline",
        "sklearn.preprocessing",
        "zuko",
    )
    version = "7"
    width: int = Field(default=128, ge=1)
    depth: int = Field(default=5, ge=1)
    training_steps: int = Field(default=4000, ge=2)
    num_emulated: int = Field(default=60_000, ge=0)
    solver: SolverName = "ab2"
    steps: int = Field(default=24, ge=2)
    refinement_steps: int = Field(default=0, ge=0, le=1000)

    def check_prior(self, prior: Distribution) -> None:
        """Raise ValueError if the support does not consist of intervals, half-lines or lines."""
        check_continuous(prior, self.name)
        Unbounded(prior)

    def fit_teacher(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str, seed: int
    ) -> DenoiserPosterior:
        """Train a denoiser on simulations theta ``(K, dim_theta)`` and x ``(K, dim_x)``.

        Raises:
            ValueError: If there are fewer than 20 simulations, values are not finite, a column of theta is
                constant, all columns of x are constant, or the prior's support does not consist of
                intervals, half-lines or lines.
        """
        check_simulations(theta, x, least=LEAST, who="a denoiser")
        settings = DenoiserSettings(self.width, self.depth, self.training_steps, self.num_emulated, seed)
        fitted: FittedDenoiser = fit_denoiser(prior, theta.to(device), x.to(device), settings)
        flow = DenoiserFlow(fitted.network, self.solver, self.steps)
        return DenoiserPosterior(fitted, flow)

    def refined(
        self,
        posterior: Posterior,
        teacher: DenoiserPosterior,
        prior: Distribution,
        theta: Tensor,
        x: Tensor,
        seed: int,
    ) -> Posterior:
        """Return the posterior with refined samples, or as it is if ``refinement_steps`` is 0.

        Arguments:
            posterior: Posterior whose samples are refined.
            teacher: Denoiser.
            prior: Prior of theta.
            theta: Parameters of the simulations, ``(K, dim_theta)``.
            x: Data of the simulations, ``(K, dim_x)``.
            seed: Seed of the fit.
        """
        if not self.refinement_steps:
            return posterior
        theta, x = theta.to(teacher.base.device), x.to(teacher.base.device)
        held, rest = teacher.held, teacher.rest
        likelihood = LearnedLikelihood.fit(
            prior,
            theta,
            x,
            teacher.base.plain_encoding,
            held,
            rest,
            derive_seed("refinement", seed),
            steps=self.training_steps,
        )
        refinement = choose_refinement(
            likelihood, teacher.base, teacher.flow, theta[held], x[held], self.refinement_steps, seed
        )
        return RefinedPosterior(posterior, refinement, teacher.base, teacher.flow)


@register_method("denoiser")
class Denoiser(DenoiserMethod):
    """A learned conditional denoiser samples the posterior by its probability-flow ODE.

    It is also the teacher of ``one_pass``. See this module's docstring for the objective, the references and
    the differences from the publications.
    """

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> Posterior:
        """Train the denoiser on the simulations; see :meth:`fit_teacher` for errors."""
        teacher = self.fit_teacher(prior, theta, x, device, seed)
        return self.refined(teacher, teacher, prior, theta, x, seed)
