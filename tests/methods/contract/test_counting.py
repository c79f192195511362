import pytest
import torch
from torch import nn

from methods.contract.counting import Evaluations


def test_rows_of_networks_and_functions_are_counted_by_sample():
    count, network = Evaluations(), nn.Linear(2, 3)
    count.watch(network)
    energy = count.of(lambda theta: theta.sum(-1), event_dims=0)

    def draw():
        theta = network(torch.zeros(4, 5, 2))
        energy(theta.flatten(0, 1))
        network(torch.zeros(1, 2))  # one row for all samples together
        return theta

    samples, nfe = count.per_sample(draw)
    assert samples.shape == (4, 5, 3)
    assert nfe == 2 + 1 / 20
    assert count.per_sample(draw)[1] == nfe


@pytest.mark.parametrize("number", [3, 5, 7])
def test_networks_that_one_pass_runs_make_one_evaluation(number):
    chain = [nn.Linear(2, 2) for _ in range(number)]
    count = Evaluations()
    count.watch(*chain)
    assert count.per_sample(lambda: nn.Sequential(*chain)(torch.zeros(11, 2)))[1] == 1
