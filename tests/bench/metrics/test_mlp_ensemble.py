"""The batched classifier compared with autograd, and with itself in batches of other problems."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from bench.metrics.mlp_ensemble import PENALTY, Problem, _Ensemble, train_and_score


def problem(dim=3, size=250, seed=0, shift=0.7):
    generator = torch.Generator().manual_seed(seed)
    data = torch.randn(size, dim, generator=generator)
    target = (torch.rand(size, generator=generator) > 0.5).float()
    data[:, 0] += shift * target
    order = torch.randperm(size, generator=generator)
    return Problem(data, target, order[size // 5 :], order[: size // 5], seed, order[:0])


def loaded(problems, width=30):
    ensemble = _Ensemble(problems[0], width, len(problems))
    for slot, one in enumerate(problems):
        ensemble.load(slot, one)
    return ensemble


def test_weights_begin_glorot_uniform():
    ensemble = loaded([problem(seed=k) for k in range(20)])
    bounds = [math.sqrt(6 / fan) for fan in (33, 60, 60, 31, 31)]
    for weight, bound in zip(ensemble.weights, bounds, strict=True):
        assert weight.abs().max() <= bound
        assert weight.abs().max() > 0.7 * bound
    assert not torch.equal(ensemble.params[0], ensemble.params[1])


def test_a_step_is_adam_on_the_gradient_of_autograd():
    problems = [problem(seed=k) for k in range(3)]
    ensemble = loaded(problems)
    x, y, got = ensemble.x[:, :50].clone(), ensemble.y[:, :50].clone(), torch.empty(3, 50)
    used = sum(ensemble.lengths)
    params = ensemble.params[:, :used].clone().double().requires_grad_()
    first = torch.zeros_like(params)
    second = torch.zeros_like(params)
    for t in (1, 2, 3):
        parts = params.split(ensemble.lengths, dim=1)
        w1, w2, b2, w3, b3 = (p.view(3, *s) for p, s in zip(parts, ensemble.shapes, strict=True))
        first_layer = torch.relu(x[..., :-1].double() @ w1[:, :-1] + w1[:, -1:])
        logit = (torch.relu(first_layer @ w2 + b2) @ w3.transpose(1, 2) + b3)[..., 0]
        loss = binary_cross_entropy_with_logits(logit, y.double(), reduction="sum")
        penalty = 0.5 * PENALTY * sum(w.square().sum() for w in (w1[:, :-1], w2, w3))
        (gradient,) = torch.autograd.grad(loss / 50 + penalty / 50, params)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        with torch.no_grad():
            params -= 1e-3 * first / (1 - 0.9**t) / ((second / (1 - 0.999**t)).sqrt() + 1e-8)
        ensemble._step(x, y, got)
        torch.testing.assert_close(got.double(), logit.detach(), rtol=1e-4, atol=1e-5)
        updated = ensemble.params[:, :used].double()
        torch.testing.assert_close(updated, params.detach(), rtol=1e-3, atol=2e-5)


def test_training_ends_when_the_loss_stalls_and_not_before():
    easy = problem(shift=50.0, size=400)
    ensemble = loaded([easy])
    losses = []
    ended: set[int] = set()
    while not ended:
        ended = ensemble.epoch()
        losses.append(float(ensemble.best))
    assert int(ensemble.stalled[0]) == 11  # more than ten epochs without an improvement of 1e-4
    assert len(losses) > 12
    assert ensemble.accuracy(0, easy) == 1.0


@pytest.mark.parametrize("dim", [1, 3])
@pytest.mark.slow
def test_results_do_not_depend_on_slots_or_workers(dim):
    problems = [problem(dim, 100, seed=k, shift=k) for k in range(5)]
    expected = [train_and_score([one], 10 * dim, 1)[0] for one in problems]
    for slots, workers in ((2, 1), (3, 2), (50, 2)):
        assert train_and_score(problems, 10 * dim, slots, workers) == expected
    assert expected[0] < expected[-1]


def test_threads_are_given_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    train_and_score([problem()] * 2, 30, 1, workers=2)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
