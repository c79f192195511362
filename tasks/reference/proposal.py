"""A proposal close to a posterior: a normal mixture that is adapted by tempered importance sampling.

In each round, all draws so far are weighted as a sample from prior × likelihood^beta, with the mixture of all
proposals so far as their density (Cornuet, Marin, Mira, Robert: Adaptive multiple importance sampling, 2012).
The largest beta that leaves enough effective draws is taken, a normal mixture is fitted to the weighted
draws, and more draws are made from it. This ends when beta has been 1 for a few rounds. The prior keeps a
share of the proposal (the defensive mixture of Hesterberg, 1995). The weights posterior / proposal are then
bounded, and a mode that the normal mixture missed can still be found.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp
from sklearn.mixture import GaussianMixture

__all__ = ["Mixture", "Pool", "adapt", "effective", "weights"]

DEFENSIVE = 0.05  # the prior's share in the proposal
# Largest number of components (at least two are fitted), and draws per component and entry of a covariance.
COMPONENTS, DRAWS_PER_NUMBER = 8, 10
FITTED = 2000  # draws that a mixture is fitted to
INFLATION = 1.2  # factor for fitted covariances: a proposal has to be wider than its target
ENOUGH = 300.0  # effective draws that a fit needs
# A round makes ROUND draws, or ROUND_PER_DIM per dimension if that is more.
ROUND, ROUND_PER_DIM, LAST_ROUNDS, MOST_ROUNDS = 1500, 200, 3, 20

LogDensity = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Mixture:
    """Normal mixture whose last component is the prior, a zero-mean normal with independent columns.

    Arguments:
        shares: Weights of the components, ``(C,)``; they sum to 1.
        means: Means of the components, ``(C, D)``.
        factors: Lower Cholesky factors of the covariances, ``(C, D, D)``.
    """

    shares: np.ndarray
    means: np.ndarray
    factors: np.ndarray

    @classmethod
    def of_prior(cls, prior_sd: np.ndarray) -> Mixture:
        """The prior as a mixture of one component, from its standard deviations ``(D,)``."""
        return cls(np.ones(1), np.zeros((1, len(prior_sd))), np.diag(prior_sd)[None])

    @classmethod
    def fitted(cls, theta: np.ndarray, prior_sd: np.ndarray, seed: int) -> Mixture:
        """Fit a mixture to draws by expectation maximisation, inflate it and add the prior's share.

        Arguments:
            theta: Draws, ``(N, D)``.
            prior_sd: Standard deviations of the prior, ``(D,)``.
            seed: Seed for the initial values of the fit.
        """
        dim = len(prior_sd)
        enough = len(theta) // (DRAWS_PER_NUMBER * dim * (dim + 1) // 2)
        fit = GaussianMixture(min(COMPONENTS, max(2, enough)), reg_covar=1e-5, random_state=seed).fit(theta)
        return cls(
            np.append((1.0 - DEFENSIVE) * fit.weights_, DEFENSIVE),
            np.vstack([fit.means_, np.zeros_like(prior_sd)]),
            np.concatenate([np.linalg.cholesky(INFLATION * fit.covariances_), np.diag(prior_sd)[None]]),
        )

    def sample(self, num: int, rng: np.random.Generator) -> np.ndarray:
        """Independent draws, ``(num, D)``."""
        chosen = rng.choice(len(self.shares), size=num, p=self.shares)
        noise = rng.standard_normal((num, self.means.shape[1]))
        return self.means[chosen] + np.einsum("nij,nj->ni", self.factors[chosen], noise)

    def log_prob(self, theta: np.ndarray) -> np.ndarray:
        """Log density in nats, ``(N,)``, at theta ``(N, D)``."""
        log_p = np.empty((len(self.shares), len(theta)))
        for c, (mean, factor) in enumerate(zip(self.means, self.factors, strict=True)):
            z = np.linalg.solve(factor, (theta - mean).T)
            log_p[c] = -0.5 * (z**2).sum(0) - np.log(np.diagonal(factor)).sum()
        constant = 0.5 * theta.shape[1] * math.log(2.0 * math.pi)
        return logsumexp(log_p + np.log(self.shares)[:, None], axis=0) - constant


@dataclass(frozen=True)
class Pool:
    """Prior draws ``(N, D)`` with their log likelihoods ``(N,)`` in nats."""

    theta: np.ndarray
    log_likelihood: np.ndarray


def weights(log_weights: np.ndarray) -> np.ndarray:
    """Normalised weights ``(N,)`` from unnormalised log weights ``(N,)``."""
    return np.exp(log_weights - logsumexp(log_weights))


def effective(log_weights: np.ndarray) -> float:
    """Effective number of weighted draws: 1 / the sum of squared normalised weights."""
    return float(1.0 / (weights(log_weights) ** 2).sum())


def adapt(
    log_likelihood: LogDensity, prior_sd: np.ndarray, pool: Pool, rng: np.random.Generator
) -> tuple[Mixture, int]:
    """Adapt a proposal to the posterior.

    Arguments:
        log_likelihood: Log likelihood, a function from theta ``(N, D)`` to nats ``(N,)``.
        prior_sd: Standard deviations of the prior, ``(D,)``.
        pool: Prior draws with their likelihoods, from which the adaptation starts.
        rng: Generator for all randomness.

    Returns:
        The adapted proposal and the number of likelihood evaluations, without those of the pool.

    Raises:
        RuntimeError: if beta has not been 1 for ``LAST_ROUNDS`` rounds within ``MOST_ROUNDS`` rounds.
    """
    prior = Mixture.of_prior(prior_sd)
    proposals, counts = [prior], [len(pool.theta)]
    theta, log_l = pool.theta, pool.log_likelihood
    log_prior, log_q = prior.log_prob(theta), prior.log_prob(theta)[None]
    finished, size = 0, max(ROUND, ROUND_PER_DIM * len(prior_sd))
    for _ in range(MOST_ROUNDS):
        log_all = logsumexp(log_q + np.log(np.array(counts) / sum(counts))[:, None], axis=0)
        beta = _temper(log_prior - log_all, log_l)
        finished += beta == 1.0
        chosen = rng.choice(len(theta), size=FITTED, p=weights(log_prior - log_all + beta * log_l))
        proposal = Mixture.fitted(theta[chosen], prior_sd, seed=int(rng.integers(2**31)))
        if finished == LAST_ROUNDS:
            return proposal, sum(counts[1:])
        fresh = proposal.sample(size, rng)
        old = np.vstack([log_q, proposal.log_prob(theta)[None]])
        proposals.append(proposal)
        counts.append(size)
        log_q = np.hstack([old, np.stack([q.log_prob(fresh) for q in proposals])])
        log_prior = np.append(log_prior, prior.log_prob(fresh))
        log_l = np.append(log_l, log_likelihood(fresh))
        theta = np.vstack([theta, fresh])
    raise RuntimeError(f"the adaptation did not reach the full likelihood in {MOST_ROUNDS} rounds")


def _temper(log_ratio: np.ndarray, log_likelihood: np.ndarray) -> float:
    """The largest power of the likelihood, at most 1, that leaves ``ENOUGH`` effective draws."""
    if effective(log_ratio + log_likelihood) >= ENOUGH:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(40):  # bisection
        middle = 0.5 * (low + high)
        if effective(log_ratio + middle * log_likelihood) >= ENOUGH:
            low = middle
        else:
            high = middle
    return low
