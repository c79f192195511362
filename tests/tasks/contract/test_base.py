"""The defaults of a task that defines only a prior and a simulator."""

import pytest
import torch
from torch.distributions import Independent, Normal

from tasks import Task


class Shift(Task):
    name = "shift"
    dim_theta, dim_x, num_observations = 2, 2, 3

    def prior(self):
        return Independent(Normal(torch.zeros(2), torch.ones(2)), 1)

    def simulate(self, theta, seed):
        generator = torch.Generator().manual_seed(seed)
        return theta + 0.1 * torch.randn(theta.shape, generator=generator)


@pytest.mark.usefixtures("untouched_random_state")
def test_observations_are_reproducible_and_near_the_truth():
    first, again = Shift().observation(2), Shift().observation(2)
    assert torch.equal(first, again)
    assert (first - Shift().true_theta(2)).abs().max() < 1.0
    assert not torch.equal(first, Shift().observation(3))


def test_noise_does_not_repeat_the_numbers_that_the_true_parameters_were_drawn_from():
    theta = Shift().true_theta(1)
    assert not torch.allclose((Shift().observation(1) - theta) / 0.1, theta, atol=1e-3)


def test_there_is_no_reference_and_no_likelihood():
    assert Shift().reference_samples(1) is None
    with pytest.raises(NotImplementedError, match="shift"):
        Shift().log_likelihood(torch.zeros(1, 2), torch.zeros(1, 2))
