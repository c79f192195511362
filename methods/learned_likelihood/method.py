"""``learned_likelihood``: Markov chains on a likelihood learned from the simulations.

The density of x given theta is learned, the likelier of a few kinds on held-out simulations: Gaussians with
independent columns or a full covariance, a mixture of Gaussians, and a spline flow. The objective is

    maximise over q   E log q(x | theta),

and samples are the ends of many chains on log q(x_o | theta) + log p(theta). The chains start at prior draws
that are resampled by their likelihood, and propose differences of one another.

This shows how good the likelihood is that ``denoiser`` and ``one_pass`` use as a local base and to refine
their samples.

References: Papamakarios, Sterratt, Murray: Sequential neural likelihood, AISTATS 2019; ter Braak: A Markov
chain Monte Carlo version of the genetic algorithm differential evolution, Statistics and Computing 16, 2006.

Not as published: the simulations are those of the prior, in one round. The kind of density is chosen, and a
linear regression of x on theta is taken off first. All chains move at once.
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
from methods.contract.prior_mass import sample_of
from methods.contract.priors import check_continuous
from methods.contract.registry import register_method
from methods.learning.denoising import split
from methods.likelihood import LearnedLikelihood, differential_evolution, log_posterior
from methods.transforms.encoding import Encoding
from methods.transforms.unbounded import Unbounded

__all__ = ["LearnedLikelihoodMethod"]

LEAST = 20  # Smallest number of simulations, a tenth of which is held out.
FEWEST = 200  # Smallest number of chains. Their differences are the proposals, so a few would not mix.


class _ChainPosterior(Posterior):
    def __init__(
        self, prior: Distribution, likelihood: LearnedLikelihood, steps: int, num_prior_draws: int
    ) -> None:
        self.likelihood = likelihood
        self._prior, self._steps, self._num_prior_draws = prior, steps, num_prior_draws
        self._evaluations = Evaluations()
        for networks in likelihood.networks:
            self._evaluations.watch(*networks)
        every = [part for networks in likelihood.networks for part in networks]
        self.num_parameters = sum(p.numel() for part in every for p in part.parameters())
        self.nfe = float("nan")
        self.diagnostics = likelihood.diagnostics

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        (n,) = sample_shape
        theta, self.nfe = self._evaluations.per_sample(lambda: self._drawn(n, x))
        return theta

    @torch.no_grad()
    def _drawn(self, n: int, x: Tensor) -> Tensor:
        coordinates = self.likelihood.coordinates
        columns = self.likelihood.columns(x.to(coordinates.mean.device))
        draws = sample_of(self._prior, torch.Size([self._num_prior_draws])).to(columns.device)
        u = coordinates(draws)[:, None]
        weight = self.likelihood.log_likelihood(u, columns)[:, 0].double().softmax(dim=0)
        chosen = torch.multinomial(weight.nan_to_num(nan=1.0), max(n, FEWEST), replacement=True)
        ends = differential_evolution(log_posterior(self.likelihood, columns), u[chosen], self._steps)
        return coordinates.theta(ends[:n, 0])


@register_method("learned_likelihood")
class LearnedLikelihoodMethod(Method):
    """Markov chains sample the posterior under a likelihood that is learned from the simulations.

    See this module's docstring for the objective, the references and the differences from the publications.

    Arguments:
        training_steps: Maximum number of optimiser steps of each density's training.
        steps: Number of steps of each chain. Each costs one evaluation of the likelihood.
        num_prior_draws: Number of prior draws among which the chains' starts are chosen.
    """

    citation = "Papamakarios et al. 2019; ter Braak 2006; choice and base of the density are the suite's own"
    libraries: ClassVar[tuple[str, ...]] = ("sklearn.preprocessing", "zuko")
    version = "1"
    training_steps: int = Field(default=3000, ge=2)
    steps: int = Field(default=200, ge=1)
    num_prior_draws: int = Field(default=20_000, ge=FEWEST)

    def check_prior(self, prior: Distribution) -> None:
        """Raise ValueError if the support does not consist of intervals, half-lines or lines."""
        check_continuous(prior, self.name)
        Unbounded(prior)

    def fit(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str = "cpu", seed: int = 0
    ) -> Posterior:
        """Learn the likelihood.

        Raises:
            ValueError: If there are fewer than 20 simulations, values are not finite, a column of theta is
                constant, all columns of x are constant, or the prior's support does not consist of intervals,
                half-lines or lines.
        """
        check_simulations(theta, x, least=LEAST, who="a learned likelihood")
        theta, x = theta.to(device), x.to(device)
        held, rest = (rows.to(device) for rows in split(len(theta), seed))
        likelihood = LearnedLikelihood.fit(
            prior, theta, x, Encoding(x), held, rest, seed, steps=self.training_steps
        )
        return _ChainPosterior(prior, likelihood, self.steps, self.num_prior_draws)
