"""A run of independence Metropolis: adapt a proposal to the posterior, then run chains with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from tasks.reference.independence import run_chains
from tasks.reference.proposal import LogDensity, Mixture, Pool, adapt, effective
from tasks.tools.certified_task import THIN

__all__ = ["CHAINS", "Run", "log_mean_exp", "sample_posterior"]

CHAINS, KEPT, WARM_UP = 10, 1000, 100


@dataclass(frozen=True)
class Run:
    """Result of :func:`sample_posterior`.

    Arguments:
        draws: Kept states, ``(CHAINS, KEPT, D)``.
        acceptance: Share of proposals that were accepted.
        log_evidence: Log evidence in nats, by importance sampling with the same proposals.
        log_evidence_se: Standard error of ``log_evidence``.
        num_solves: Number of likelihood evaluations, without those of the pool.
    """

    draws: np.ndarray
    acceptance: float
    log_evidence: float
    log_evidence_se: float
    num_solves: int


def log_mean_exp(log_weights: np.ndarray) -> tuple[float, float]:
    """Logarithm of the mean of weights, and its standard error by the delta method.

    Arguments:
        log_weights: Logarithms of the weights, ``(N,)``.
    """
    num = len(log_weights)
    variance = max(1.0 / effective(log_weights) - 1.0 / num, 0.0)
    return float(logsumexp(log_weights) - np.log(num)), float(np.sqrt(variance))


def sample_posterior(
    log_likelihood: LogDensity, prior_sd: np.ndarray, pool: Pool, seed: int, thin: int = THIN
) -> Run:
    """Draw from the posterior under a prior of independent N(0, prior_sd²).

    The chains start at the first prior draws of the pool, which are more widely spread than the posterior.

    Arguments:
        log_likelihood: Log likelihood, a function from theta ``(N, D)`` to nats ``(N,)``; it is called with
            many rows at once.
        prior_sd: Standard deviations of the prior, ``(D,)``.
        pool: Prior draws with their likelihoods, from which the adaptation starts.
        seed: Seed for all randomness except the pool.
        thin: Number of steps per kept state; the rarer an acceptance, the more steps are needed for kept
            states that are nearly independent.
    """
    rng = np.random.default_rng(seed)
    proposal, num_adapting = adapt(log_likelihood, prior_sd, pool, rng)
    prior = Mixture.of_prior(prior_sd)
    steps = WARM_UP + thin * KEPT
    theta = proposal.sample(CHAINS * steps, rng)
    log_w = prior.log_prob(theta) + log_likelihood(theta) - proposal.log_prob(theta)
    start = pool.theta[:CHAINS]
    start_log_w = prior.log_prob(start) + pool.log_likelihood[:CHAINS] - proposal.log_prob(start)
    states, acceptance = run_chains(
        start, start_log_w, theta.reshape(CHAINS, steps, -1), log_w.reshape(CHAINS, steps), rng
    )
    kept = states[:, WARM_UP + thin - 1 :: thin]
    return Run(kept, acceptance, *log_mean_exp(log_w), num_adapting + CHAINS * steps)
