import pytest
import torch
from torch import nn

from methods.learning.training import Validation, batches, train


def fit_line(seed=0, steps=300):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(100, 1, generator=generator)
    torch.manual_seed(1)
    network = nn.Linear(1, 1)

    def loss(a, b):
        return (network(a) - b).square().mean()

    history = train(network, loss, (x, 3 * x + 1), steps=steps, batch_size=32, learning_rate=0.1, seed=seed)
    return network, history


def test_it_learns_and_stops_at_the_last_step():
    network, history = fit_line()
    assert len(history) == 300
    assert history[-1] < 1e-3 < history[0]
    assert abs(network.weight.item() - 3) < 0.05
    assert not network.training


def test_the_seed_decides_the_order():
    assert fit_line(seed=1)[1] == fit_line(seed=1)[1]
    assert fit_line(seed=1)[1] != fit_line(seed=2)[1]


def test_fewer_samples_than_a_batch():
    network = nn.Linear(1, 1)
    data = (torch.ones(3, 1), torch.ones(3, 1))
    history = train(
        network,
        lambda a, b: (network(a) - b).square().mean(),
        data,
        steps=5,
        batch_size=64,
        learning_rate=0.1,
        seed=0,
    )
    assert len(history) == 5


def test_validation_keeps_the_best_and_stops_when_patience_runs_out():
    """Training passes the held-out targets on its way to its own, so weights along the way are the best."""
    network = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        network.weight.fill_(0.0)
    validated = []

    def held_out():
        validated.append(network.weight.item())
        return abs(network.weight.item() - 1.0)

    history = train(
        network,
        lambda a, b: (network(a) - b).square().mean(),
        (torch.ones(64, 1), 3 * torch.ones(64, 1)),
        steps=2000,
        batch_size=64,
        learning_rate=0.01,
        seed=0,
        validation=Validation(held_out, every=5, patience=4, averaging=0.5),
    )
    assert len(history) < 1000
    assert validated[0] == 0.0
    assert network.weight.item() == min(validated, key=lambda weight: abs(weight - 1.0))


def test_validation_may_find_that_no_training_was_best():
    network = nn.Linear(1, 1)
    before = [p.detach().clone() for p in network.parameters()]
    data = (torch.ones(8, 1), torch.ones(8, 1))
    look = Validation(lambda: float((network.weight - before[0]).abs()), every=1, patience=3)
    loss = {"steps": 50, "batch_size": 8, "learning_rate": 0.1, "seed": 0, "validation": look}
    train(network, lambda a, b: (network(a) - b).square().mean(), data, **loss)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


@pytest.mark.parametrize(("num_samples", "batch_size"), [(10, 4), (10, 10), (11, 10), (7, 3), (64, 16)])
def test_every_sample_is_seen_once_before_any_is_seen_twice(num_samples, batch_size):
    seen = []

    def loss(rows):
        seen.append(rows)
        return (network(rows[:, None].float())).square().mean()

    network = nn.Linear(1, 1)
    steps = 4 * num_samples
    every = (torch.arange(num_samples),)
    train(network, loss, every, steps=steps, batch_size=batch_size, learning_rate=1e-3, seed=0)
    assert [len(rows) for rows in seen] == [batch_size] * steps
    for rows in torch.cat(seen).split(num_samples):
        if len(rows) == num_samples:
            assert sorted(rows.tolist()) == list(range(num_samples))
    for rows in seen:
        assert len(rows.unique()) == batch_size


def test_the_order_is_fresh_in_each_epoch():
    order = batches(100, 100, 0, torch.device("cpu"))
    assert not torch.equal(next(order), next(order))
