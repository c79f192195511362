"""One run of the reference sampler: adapt a proposal, then run independence Metropolis chains with it."""

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
    """What a run gives.

    Arguments:
        draws: Kept states, ``(CHAINS, KEPT, D)``.
        acceptance: Share of proposals accepted.
        log_evidence: Log of the prior's mean likelihood, by importance sampling with the same proposals.
        log_evidence_se: Its standard error.
        num_solves: Likelihoods asked for, those of the pool not counted.
    """

    draws: np.ndarray
    acceptance: float
    log_evidence: float
    log_evidence_se: float
    num_solves: int


def log_mean_exp(log_weights: np.ndarray) -> tuple[float, float]:
    """Log of the mean of weights, and its standard error by the delta method."""
    num = len(log_weights)
    variance = max(1.0 / effective(log_weights) - 1.0 / num, 0.0)
    return float(logsumexp(log_weights) - np.log(num)), float(np.sqrt(variance))


def sample_posterior(
    log_likelihood: LogDensity, prior_sd: np.ndarray, pool: Pool, seed: int, thin: int = THIN
) -> Run:
    """Draws of prior × likelihood, for a prior of independent N(0, prior_sd²).

    Chains start at draws of the prior, wider than the posterior, taken as they come from the pool.

    Arguments:
        log_likelihood: Takes theta ``(N, D)``, gives nats ``(N,)``; called with many rows at a time.
        prior_sd: ``(D,)``.
        pool: Draws of the prior with their likelihoods, to begin adapting from.
        seed: Seed of everything but the pool.
        thin: Keep every so manyth state: the rarer proposals are accepted, the more it takes to forget one.
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
