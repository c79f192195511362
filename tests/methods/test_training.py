import torch
from torch import nn

from methods.training import train


def fit_line(seed=0, steps=300):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(100, 1, generator=generator)
    torch.manual_seed(1)
    network = nn.Linear(1, 1)

    def loss(a, b):
        return (network(a) - b).square().mean()

    history = train(network, loss, (x, 3 * x + 1), steps=steps, batch_size=32, learning_rate=0.1, seed=seed)
    return network, history


def test_it_learns_and_stops_when_told():
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
