"""Independence Metropolis: chains whose proposals do not depend on where they are.

A state with weight w = target / proposal gives way to a proposal with weight w' with probability
min(1, w' / w). All proposals can therefore be drawn and solved at once, before the chains run. Where w is
bounded by M times its mean, a chain is within (1 - 1/M)^n of the target after n steps, from any start.

References: Tierney, Markov chains for exploring posterior distributions, Annals of Statistics 22 (1994);
Mengersen and Tweedie, Rates of convergence of the Hastings and Metropolis algorithms, ibid. 24 (1996).
"""

from __future__ import annotations

import numpy as np

__all__ = ["run_chains"]


def run_chains(
    start: np.ndarray,
    start_log_weights: np.ndarray,
    proposals: np.ndarray,
    log_weights: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, float]:
    """States of all chains after each step.

    Arguments:
        start: Where the chains begin, ``(C, D)``.
        start_log_weights: Log target minus log proposal there, ``(C,)``, up to a constant.
        proposals: ``(C, T, D)``, independent draws of the proposal.
        log_weights: Theirs, ``(C, T)``, with the same constant; -inf is never accepted.
        rng: Decides on acceptance.

    Returns:
        States ``(C, T, D)`` and the share of proposals that were accepted.
    """
    chains, steps = log_weights.shape
    threshold = np.log1p(-rng.random((chains, steps)))  # of (0, 1]: the logarithm is finite
    states = np.empty_like(proposals)
    state, current, accepted = start.copy(), start_log_weights.copy(), 0
    for t in range(steps):
        # Written so that a start of weight zero, -inf, gives way to anything of positive weight.
        take = (log_weights[:, t] > -np.inf) & (log_weights[:, t] >= current + threshold[:, t])
        state[take], current[take] = proposals[take, t], log_weights[take, t]
        accepted += int(take.sum())
        states[:, t] = state
    return states, accepted / (chains * steps)
