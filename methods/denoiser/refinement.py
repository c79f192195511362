"""Refinement of samples by a few more evaluations: chains on a learned likelihood, or a touch-up.

Chains start at the samples and move on the posterior under a likelihood that is learned from the same
simulations (:mod:`methods.likelihood`). A touch-up noises the samples to a small angle and brings them back
with a few steps of the denoiser's ODE, which sharpens what a student has blurred.

The chains are right only if the likelihood is. So they are used only if held-out theta are likelier under its
posterior than under the denoiser; otherwise the samples are touched up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from methods.contract.base import Posterior
from methods.contract.counting import Evaluations
from methods.contract.seeding import derive_seed
from methods.denoiser.fit import Base
from methods.denoiser.flow import DenoiserFlow
from methods.denoiser.likelihood import log_likelihood
from methods.denoiser.touch_up import touched_up
from methods.likelihood import LearnedLikelihood, differential_evolution, log_posterior
from methods.likelihood.evidence import log_evidence

__all__ = ["RefinedPosterior", "Refinement", "choose_refinement"]

MOST_STEPS = 4  # Largest number of steps of a touch-up.
JUDGED, DRAWS = 60, 48  # Number of held-out simulations that decide, and of draws for each.
CHAIN_STEPS = 40  # Number of steps of their chains.
CLEAR = 1.0  # Standard errors that the gain must exceed.
MOST = 4.0  # Largest difference in nats that counts for one simulation.


@dataclass(frozen=True)
class Refinement:
    """A choice of how samples are refined.

    Attributes:
        kind: ``"chains"`` or ``"touch-up"``.
        steps: Number of steps of a chain or of a touch-up.
        gain: Mean log density of held-out theta under the likelihood's posterior minus that under the
            denoiser, in nats; differences beyond 4 nats count as 4.
        error: Standard error of the gain.
        likelihood: Learned likelihood.
    """

    kind: Literal["chains", "touch-up"]
    steps: int
    gain: float
    error: float
    likelihood: LearnedLikelihood

    @property
    def diagnostics(self) -> dict[str, float | str]:
        """The choice, the gain that led to it with its standard error, and the likelihood's own."""
        gain = {"refinement_gain": self.gain, "refinement_gain_error": self.error}
        return {
            "refinement": self.kind,
            "refinement_steps": self.steps,
            **gain,
            **self.likelihood.diagnostics,
        }

    def __call__(self, theta: Tensor, x: Tensor, base: Base, flow: DenoiserFlow) -> Tensor:
        """Return refined samples for theta ``(n, B, dim_theta)`` of data x ``(B, dim_x)``."""
        if self.kind == "chains":
            return _chained(self.likelihood, theta, x, self.steps)
        return touched_up(base, flow, theta, x, self.steps)


class RefinedPosterior(Posterior):
    """A posterior whose samples are those of another, refined. It has no density.

    Arguments:
        posterior: Posterior whose samples are refined.
        refinement: How they are refined.
        base: Base of the denoiser.
        flow: Flow of the denoiser.
    """

    def __init__(self, posterior: Posterior, refinement: Refinement, base: Base, flow: DenoiserFlow) -> None:
        self.posterior, self.refinement = posterior, refinement
        self._base, self._flow = base, flow
        self._evaluations = Evaluations()
        added: list[list[nn.Module]] = [[flow.network]]
        if refinement.kind == "chains":
            added = refinement.likelihood.networks
        for networks in added:
            self._evaluations.watch(*networks)
        weights = sum(p.numel() for networks in added for part in networks for p in part.parameters())
        self.num_parameters = posterior.num_parameters + weights
        self.nfe = float("nan")
        self.diagnostics = {**posterior.diagnostics, **refinement.diagnostics}

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, dim_theta)`` samples for one observation x ``(1, dim_x)``."""
        return self.sample_batched(sample_shape, x)[:, 0]

    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """Draw ``(n, B, dim_theta)`` samples for all observations x ``(B, dim_x)``."""
        theta = self.posterior.sample_batched(sample_shape, x)
        x = x.to(theta.device)
        theta, added = self._evaluations.per_sample(lambda: self.refinement(theta, x, self._base, self._flow))
        self.nfe = self.posterior.nfe + added
        return theta


def choose_refinement(
    likelihood: LearnedLikelihood,
    base: Base,
    flow: DenoiserFlow,
    theta: Tensor,
    x: Tensor,
    evaluations: int,
    seed: int,
) -> Refinement:
    """Return chains if held-out theta are likelier under the likelihood's posterior, else a touch-up.

    The normaliser of the likelihood's posterior is estimated for each held-out simulation by bridge sampling
    between draws of the denoiser and chains that start there.

    Arguments:
        likelihood: Learned likelihood.
        base: Base of the denoiser.
        flow: Flow of the denoiser.
        theta: Parameters of held-out simulations, ``(K, dim_theta)``.
        x: Data of the same simulations, ``(K, dim_x)``.
        evaluations: Maximum number of evaluations for each sample. An ensemble of densities takes one for
            each member and step, and as many at the start of a chain.
        seed: Seed for draws and chains.
    """
    theta, x = theta[:JUDGED], x[:JUDGED]
    c, columns = base.encode_x(x), likelihood.columns(x)

    def of_denoiser(draws: Tensor) -> Tensor:
        rows, given = draws.flatten(0, 1), c.repeat(len(draws), 1)
        w = base.whiten(rows, given)
        return (log_likelihood(flow.network, w, given) + base.log_slope(rows, given)).unflatten(
            0, draws.shape[:2]
        )

    def of_likelihood(draws: Tensor) -> Tensor:
        u = likelihood.coordinates(draws.flatten(0, 1))
        slope = likelihood.coordinates.log_slope(draws.flatten(0, 1)).unflatten(0, draws.shape[:2])
        return log_posterior(likelihood, columns)(u.unflatten(0, draws.shape[:2])) + slope

    with torch.random.fork_rng():
        torch.manual_seed(derive_seed("judge of a refinement", seed))
        z = torch.randn(DRAWS, len(c), theta.shape[1], device=c.device)
        proposed = base.theta(flow.for_each(z, c), c)
        drawn = _chained(likelihood, proposed, x, CHAIN_STEPS)
    ratios = [of_likelihood(draws) - of_denoiser(draws) for draws in (proposed, drawn)]
    log_z = log_evidence(*ratios)
    gain = (of_likelihood(theta[None]) - of_denoiser(theta[None]))[0].double() - log_z
    gain = gain.nan_to_num(nan=-MOST).clamp(-MOST, MOST)
    mean, error = float(gain.mean()), float(gain.std() / len(gain) ** 0.5)
    if mean > CLEAR * error:
        steps = max(1, evaluations // len(likelihood.members) - 1)
        return Refinement("chains", steps, mean, error, likelihood)
    return Refinement("touch-up", min(evaluations, MOST_STEPS), mean, error, likelihood)


@torch.no_grad()
def _chained(likelihood: LearnedLikelihood, theta: Tensor, x: Tensor, steps: int) -> Tensor:
    coordinates = likelihood.coordinates
    u = coordinates(theta.flatten(0, 1)).unflatten(0, theta.shape[:2])
    moved = differential_evolution(log_posterior(likelihood, likelihood.columns(x)), u, steps)
    return coordinates.theta(moved)
