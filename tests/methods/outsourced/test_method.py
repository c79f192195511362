import pytest
import torch
from torch.distributions import Independent, Normal

import methods
from bench.metrics import c2st
from methods.learning.networks import seeded
from methods.outsourced import NoiseProcess, Policy, log_partition
from methods.outsourced.policy_training import Mixture, balance, imitate

PRIOR = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
SD = 0.5


def log_likelihood(theta, x):
    return Normal(theta, SD).log_prob(x).sum(-1)


def one(theta, x):
    """Log reward of the constant reward r = 1."""
    return torch.zeros(len(theta))


@pytest.fixture(scope="module")
def trained():
    """A policy for x = theta + noise, whose posterior is N(x / 1.25, 0.2) in both columns."""
    torch.manual_seed(0)
    z = torch.randn(4000, 2)
    x = z + SD * torch.randn(4000, 2)
    policy = seeded(lambda: Policy.untrained(2, 2, 64, 2, NoiseProcess()), 0)
    imitate(policy, z, x, steps=600, batch_size=256, rate=4e-3, seed=0)
    balance(policy, log_likelihood, (z, x, x), Mixture(), steps=150, batch_size=32, rate=1e-3, seed=0)
    return policy


@pytest.mark.slow
def test_a_linear_gaussian_posterior_is_reached(trained):
    torch.manual_seed(1)
    x_o = torch.tensor([[0.9, -0.6]])
    found = trained.trajectories(torch.randn(4000, 2), x_o, torch.randn(25, 4000, 2)).states[-1]
    exact = x_o / 1.25 + 0.2**0.5 * torch.randn(4000, 2)
    assert c2st(exact, found) <= 0.53  # 4.5 standard errors of 8000 rows are 0.025


@pytest.mark.slow
def test_log_z_is_the_evidence(trained):
    torch.manual_seed(2)
    x = torch.randn(8, 2) * 1.25**0.5
    c = x.repeat_interleave(1000, 0)
    states = trained.trajectories(torch.randn(8000, 2), c, torch.randn(25, 8000, 2)).states
    with torch.no_grad():
        log_ratio = trained.log_ratio(states, c).unflatten(0, (8, -1))
    found = log_partition(log_ratio, log_likelihood(states[-1], c).unflatten(0, (8, -1)))
    exact = Normal(0.0, 1.25**0.5).log_prob(x).sum(1)
    # Log weights vary by about 0.2, which gives a standard error of 0.006 each.
    assert (found - exact).abs().max() < 0.05


@pytest.mark.slow
def test_with_a_reward_of_one_training_stays_at_the_noise():
    """With uninformative data, noise and networks of both stages leave N(0, I) unchanged, and Z = 1."""
    torch.manual_seed(0)
    z, x = torch.randn(4000, 2), torch.randn(4000, 2)
    policy = seeded(lambda: Policy.untrained(2, 2, 64, 2, NoiseProcess()), 0)
    imitate(policy, z, x, steps=200, batch_size=256, rate=4e-3, seed=0)
    balance(policy, one, (z, x, x), Mixture(), steps=150, batch_size=32, rate=1e-3, seed=0)
    torch.manual_seed(1)
    x_o = torch.tensor([[0.9, -0.6]])
    states = policy.trajectories(torch.randn(4000, 2), x_o, torch.randn(25, 4000, 2)).states
    assert c2st(torch.randn(4000, 2), states[-1]) <= 0.53
    with torch.no_grad():
        log_ratio = policy.log_ratio(states, x_o.expand(4000, -1))[None]
    assert float(log_partition(log_ratio, torch.zeros(1, 4000)).abs()) < 0.05


@pytest.mark.slow
def test_balance_with_a_reward_of_one_takes_a_policy_back_to_the_noise():
    torch.manual_seed(0)
    z, x = torch.randn(500, 1), torch.zeros(500, 1)
    policy = seeded(lambda: Policy.untrained(1, 1, 32, 2, NoiseProcess(10)), 0)
    for network in (policy.network, policy.log_spread):
        torch.nn.init.constant_(network.mlp.last.bias, 0.5)
    noise = torch.randn(4000, 1), x[:1], torch.randn(10, 4000, 1)
    before = policy.trajectories(*noise).states[-1]
    balance(policy, one, (z, x, x), Mixture(), steps=300, batch_size=16, rate=2e-3, seed=0)
    after = policy.trajectories(*noise).states[-1]
    # 4.5 standard errors of 4000 are 0.07 for a mean and 0.05 for a standard deviation; the rest allows for
    # imperfect training.
    assert abs(float(before.mean())) > 0.3
    assert abs(float(after.mean())) < 0.1
    assert float(after.std()) == pytest.approx(1.0, abs=0.1)


@pytest.mark.slow
def test_balance_alone_moves_an_untrained_policy():
    torch.manual_seed(0)
    z = torch.randn(500, 1)
    x = torch.full((500, 1), 1.5)
    policy = seeded(lambda: Policy.untrained(1, 1, 32, 2, NoiseProcess(10)), 0)
    only_own = Mixture(free=0, replayed=0, prior=2, own=6)
    balance(policy, log_likelihood, (z, x, x), only_own, steps=300, batch_size=16, rate=2e-3, seed=0)
    ends = policy.trajectories(torch.randn(2000, 1), x[:1], torch.randn(10, 2000, 1)).states[-1]
    # 4.5 standard errors of 2000 are 0.05; the rest allows for imperfect training.
    assert float(ends.mean()) == pytest.approx(1.2, abs=0.15)


def test_a_likelihood_that_was_not_given_is_asked_for():
    method = methods.get("outsourced[reward=likelihood,training_steps=2]")
    theta = torch.randn(50, 2)
    with pytest.raises(ValueError, match="reward=likelihood: no likelihood was given"):
        method.fit(PRIOR, theta, theta + 0.1)
    informed = method.model_copy(update={"balance_steps": 2}).with_likelihood(log_likelihood)
    assert informed.fit(PRIOR, theta, theta + 0.1).sample((5,), x=theta[:1]).shape == (5, 2)


def test_distilled_it_takes_one_pass():
    quick = "training_steps=2,balance_steps=0,num_labels=200,student_steps=3"
    theta = torch.randn(50, 2)
    posterior = methods.get(f"outsourced[distilled=true,{quick}]").fit(PRIOR, theta, theta + 0.1)
    assert posterior.sample((5,), x=theta[:1]).shape == (5, 2)
    assert posterior.nfe == 1


@pytest.mark.slow
def test_weighed_candidates_are_of_the_posterior_whatever_the_policy():
    """An untrained policy draws from the prior, and importance weights turn it into each x's posterior."""
    theta = torch.randn(50, 2)
    untrained = "steps=5,training_steps=0,balance_steps=0"
    method = methods.get(f"outsourced[reward=likelihood,candidates=100,{untrained}]")
    posterior = method.with_likelihood(log_likelihood).fit(PRIOR, theta, theta + 0.1)
    torch.manual_seed(0)
    x = torch.tensor([[0.9, -0.6], [-0.5, 0.2]])
    found = posterior.sample_batched((1000,), x)
    for k in range(2):
        # Here and below, 0.55 allows for 4.5 standard errors of 2000 rows.
        assert c2st(x[k] / 1.25 + 0.2**0.5 * torch.randn(1000, 2), found[:, k]) <= 0.55
    assert posterior.nfe == 100 * (2 * 5 + 1)  # two networks per step, and the reward at each end
    alone = posterior.unweighed()
    assert c2st(torch.randn(1000, 2), alone.sample((1000,), x[:1])) <= 0.55
    assert alone.nfe == 2 * 5


def test_a_reward_of_minus_infinity_is_never_drawn():
    theta = torch.randn(50, 2)
    method = methods.get("outsourced[reward=likelihood,training_steps=0,balance_steps=0]")

    def positive(theta, x):
        return torch.where((theta > 0).all(-1), 0.0, -torch.inf)

    posterior = method.with_likelihood(positive).fit(PRIOR, theta, theta + 0.1)
    assert (posterior.sample((200,), x=theta[:1]) > 0).all()
