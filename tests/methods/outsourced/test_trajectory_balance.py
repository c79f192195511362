import pytest
import torch

from methods.denoiser import DenoiserNetwork
from methods.outsourced import NoiseProcess, Policy, log_partition, trajectory_balance

NOTHING = torch.zeros(1, 0)


def run(policy, num, dim=2):
    torch.manual_seed(0)
    steps = policy.process.steps
    states = policy.trajectories(torch.randn(num, dim), NOTHING, torch.randn(steps, num, dim))
    shifts = policy.shifts(states[:-1], NOTHING.expand(num, 0))
    return states, shifts[:, None], policy.process.innovations(states)[:, None]


def test_without_a_reward_an_untrained_policy_is_the_reference_process():
    policy = Policy(DenoiserNetwork(2, 0, 8, 1), NoiseProcess())
    states, shifts, innovations = run(policy, 5000)
    assert shifts.abs().max() == 0.0
    assert (states[-1].std(0) - 1.0).abs().max() < 0.03
    balance = trajectory_balance(shifts, innovations, torch.zeros(1, 5000))
    assert balance.loss == 0.0
    assert balance.delta.abs().max() == 0.0


def test_the_exact_policy_ends_in_the_posterior_and_balances(tilted):
    policy, b = tilted
    states, shifts, innovations = run(policy, 5000)
    torch.testing.assert_close(states[-1].mean(0), b, atol=0.05, rtol=0)
    assert (states[-1].std(0) - 1.0).abs().max() < 0.03
    balance = trajectory_balance(shifts, innovations, (states[-1] @ b)[None])
    # What is left is that the first state remembers the last, by 0.0125 b per unit.
    assert balance.delta.abs().max() < 0.08
    assert balance.loss == 0.0
    assert float(balance.log_z) == pytest.approx(0.5 * float(b.square().sum()), abs=0.01)


def test_trajectories_from_elsewhere_balance_too(tilted):
    policy, b = tilted
    torch.manual_seed(0)
    states = policy.process.back_from(3.0 * torch.randn(500, 2), torch.randn(25, 500, 2))
    shifts = policy.shifts(states[:-1], NOTHING.expand(500, 0))[:, None]
    innovations = policy.process.innovations(states)[:, None]
    assert trajectory_balance(shifts, innovations, (states[-1] @ b)[None]).delta.abs().max() < 0.1


def test_another_policy_does_not_balance(tilted):
    policy, b = tilted
    _, _, innovations = run(policy, 500)
    states, shifts, innovations = run(policy, 500)
    assert trajectory_balance(0.5 * shifts, innovations, (states[-1] @ b)[None]).loss > 0.1


def test_log_z_by_importance_weights(tilted):
    policy, b = tilted
    wrong = Policy(policy.network, policy.process)
    wrong._gain = 0.8 * policy._gain
    states, shifts, innovations = run(wrong, 20_000)
    found = log_partition(shifts, innovations, (states[-1] @ b)[None])
    assert float(found) == pytest.approx(0.5 * float(b.square().sum()), abs=0.05)


def test_one_hopeless_reward_does_not_drown_the_others():
    shifts = torch.zeros(3, 1, 4, 2)
    innovations = torch.randn(3, 1, 4, 2)
    log_reward = torch.tensor([[0.0, 0.0, 0.0, -1e6]])
    assert trajectory_balance(shifts, innovations, log_reward).delta.abs().max() < 31.0
