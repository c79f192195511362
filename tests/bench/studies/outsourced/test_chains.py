"""Markov chains compared with a closed form, and their budget of likelihood calls."""

import math

import pytest
import torch
from torch.distributions import Normal

from bench.studies.outsourced import CHAINS, BudgetError, CountedReward, chains, hmc, random_walk

X_O = torch.tensor([[0.9, -0.6]], dtype=torch.float64)
EXACT = Normal(X_O[0] / 1.25, math.sqrt(0.2))  # the posterior for a prior N(0, I) and noise of sd 0.5


def log_likelihood(theta, x):
    return -2.0 * (theta - x).square().sum(-1)


@pytest.mark.parametrize("run", [hmc, random_walk])
@pytest.mark.slow
def test_chains_reach_the_posterior(run, monkeypatch):
    monkeypatch.setattr(chains, "CHAINS", 2)
    z = run(log_likelihood, X_O, 2, 20_000 if run is random_walk else 4000, 0)
    # The chains are worth about 800 independent draws; the bound is 4.5 standard errors.
    torch.testing.assert_close(z.mean(0), EXACT.mean, atol=4.5 * math.sqrt(0.2 / 800), rtol=0)
    torch.testing.assert_close(z.std(0), EXACT.stddev.expand(2), atol=4.5 * math.sqrt(0.2 / 1600), rtol=0)


def test_too_few_calls_for_a_trajectory_are_an_error():
    with pytest.raises(BudgetError, match="20 reward calls are too few for 10 chains"):
        hmc(log_likelihood, X_O, 2, 20, 0)


@pytest.mark.parametrize("run", [hmc, random_walk])
def test_no_call_is_made_beyond_the_budget_and_few_are_left(run):
    reward = CountedReward(log_likelihood)
    run(reward, X_O, 2, 2000, 0)
    assert 2000 - CHAINS <= reward.calls <= 2000


def test_a_seed_gives_the_same_chains_and_leaves_the_random_state_alone():
    for run in (hmc, random_walk):
        before = torch.random.get_rng_state()
        first, again, other = (run(log_likelihood, X_O, 2, 600, seed) for seed in (1, 1, 2))
        assert torch.equal(first, again)
        assert not torch.equal(first[: len(other)], other[: len(first)])
        assert torch.equal(before, torch.random.get_rng_state())


def test_one_call_too_many_is_an_error():
    reward = CountedReward(log_likelihood, 5)
    reward(torch.zeros(4, 2), X_O)
    with pytest.raises(BudgetError, match="4 of 5 reward calls are used, 2 are needed"):
        reward(torch.zeros(2, 2), X_O)
    assert reward.calls == 4
