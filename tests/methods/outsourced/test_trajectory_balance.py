import pytest
import torch
from torch.distributions import Normal

from methods.outsourced import NoiseProcess, Policy, log_partition, trajectory_balance

NOTHING = torch.zeros(1, 0)


def run(policy, num, dim=2):
    torch.manual_seed(0)
    noise = torch.randn(policy.process.steps, num, dim)
    states, log_ratio = policy.trajectories(torch.randn(num, dim), NOTHING, noise)
    torch.testing.assert_close(log_ratio, policy.log_ratio(states, NOTHING.expand(num, 0)), atol=1e-3, rtol=0)
    return states, policy.log_ratio(states, NOTHING.expand(num, 0))


def test_without_a_reward_an_untrained_policy_is_the_reference_process():
    states, log_ratio = run(Policy.untrained(2, 0, 8, 1, NoiseProcess()), 5000)
    assert log_ratio.abs().max() < 1e-4
    assert (states[-1].std(0) - 1.0).abs().max() < 4.5 / 10_000**0.5  # standard errors of 5000
    balance = trajectory_balance(log_ratio[None], torch.zeros(1, 5000))
    assert balance.loss == 0.0
    assert balance.delta.abs().max() < 1e-4


def test_the_ratio_is_that_of_the_densities_of_the_steps():
    torch.manual_seed(0)
    process = NoiseProcess(4)
    policy = Policy.untrained(2, 0, 8, 1, process)
    for network in (policy.network, policy.log_spread):
        torch.nn.init.normal_(network.mlp.last.weight, std=0.3)
    states = process.back_from(torch.randn(6, 2), torch.randn(4, 6, 2))
    expected = torch.zeros(6)
    for k, (decay, level) in enumerate(zip(process.decays.float(), process.log_noise.float(), strict=True)):
        z, spread = states[k], (1 - decay.square()).sqrt()
        shift = policy._gain[k].float() * policy.network(z, level.reshape(1, 1), NOTHING)
        rho = policy.log_spread(z, level.reshape(1, 1), NOTHING).exp()
        variance = policy._fixed[k].float() * (1 - rho) + rho
        own = Normal(decay * z + spread * shift, spread * variance.sqrt())
        expected = expected + (
            own.log_prob(states[k + 1]) - Normal(decay * z, spread).log_prob(states[k + 1])
        ).sum(1)
    torch.testing.assert_close(
        policy.log_ratio(states, NOTHING.expand(6, 0)), expected, atol=2e-2, rtol=1e-2
    )  # the last step's noise is 0.003, in float32


def test_the_exact_policy_ends_in_the_posterior_and_balances(tilted):
    policy, b = tilted
    states, log_ratio = run(policy, 5000)
    torch.testing.assert_close(states[-1].mean(0), b, atol=4.5 / 5000**0.5, rtol=0)
    assert (states[-1].std(0) - 1.0).abs().max() < 4.5 / 10_000**0.5  # standard errors of 5000
    balance = trajectory_balance(log_ratio[None], (states[-1] @ b)[None])
    # The remaining imbalance comes from the first state's dependence on the last, 0.0125 b per unit.
    assert balance.delta.abs().max() < 0.08
    assert balance.loss == 0.0
    assert float(balance.log_z) == pytest.approx(0.5 * float(b.square().sum()), abs=0.01)


def test_trajectories_from_elsewhere_balance_too(tilted):
    policy, b = tilted
    torch.manual_seed(0)
    states = policy.process.back_from(3.0 * torch.randn(500, 2), torch.randn(25, 500, 2))
    log_ratio = policy.log_ratio(states, NOTHING.expand(500, 0))
    assert trajectory_balance(log_ratio[None], (states[-1] @ b)[None]).delta.abs().max() < 0.1


def test_another_policy_does_not_balance(tilted):
    policy, b = tilted
    states, log_ratio = run(policy, 5000)
    # The expected loss is 0.118, with a standard error of 0.002.
    assert trajectory_balance(0.5 * log_ratio[None], (states[-1] @ b)[None]).loss > 0.1


def test_log_z_by_importance_weights(tilted):
    policy, b = tilted
    policy._gain = 0.8 * policy._gain  # no longer exact
    states, log_ratio = run(policy, 20_000)
    found = log_partition(log_ratio[None], (states[-1] @ b)[None])
    assert float(found) == pytest.approx(0.5 * float(b.square().sum()), abs=0.05)


def test_one_hopeless_reward_does_not_drown_the_others():
    log_reward = torch.tensor([[0.0, 0.0, 0.0, -1e6]])
    assert trajectory_balance(torch.randn(1, 4), log_reward).delta.abs().max() < 33.0
