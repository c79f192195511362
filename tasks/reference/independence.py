"""Independence Metropolis: Markov chains whose proposals do not depend on the current state.

A state with weight w = target / proposal is replaced by a proposal with weight w' with probability
min(1, w' / w). All proposals can therefore be drawn, and their likelihoods evaluated, before the chains run.
If w is bounded by M times its mean, the total variation distance of a chain from the target is at most (1 -
1/M)^n after n steps, from any start.

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
    """Run C chains for T steps.

    Arguments:
        start: Initial states, ``(C, D)``.
        start_log_weights: Log target minus log proposal of the initial states, ``(C,)``, up to a constant.
        proposals: Independent draws from the proposal, ``(C, T, D)``.
        log_weights: Log weights of the proposals, ``(C, T)``, up to the same constant; a proposal with -inf
            is never accepted.
        rng: Generator for the decisions on acceptance.

    Returns:
        States after each step, ``(C, T, D)``, and the share of proposals that were accepted.
    """
    chains, steps = log_weights.shape
    threshold = np.log1p(-rng.random((chains, steps)))  # of values in (0, 1], so that it is finite
    states = np.empty_like(proposals)
    state, current, accepted = start.copy(), start_log_weights.copy(), 0
    for t in range(steps):
        # In this form, an initial state of zero weight, -inf, is replaced by any proposal of positive weight.
        take = (log_weights[:, t] > -np.inf) & (log_weights[:, t] >= current + threshold[:, t])
        state[take], current[take] = proposals[take, t], log_weights[take, t]
        accepted += int(take.sum())
        states[:, t] = state
    return states, accepted / (chains * steps)
