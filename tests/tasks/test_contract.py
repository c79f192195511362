"""Every registered task keeps the contract."""

import pytest
import torch

import tasks


@pytest.fixture(params=tasks.names())
def task(request):
    return tasks.get(request.param)


@pytest.fixture
def theta(task):
    torch.manual_seed(3)
    return task.prior().sample((20,))


def test_prior_has_the_event_shape(task, theta):
    prior = task.prior()
    assert prior.event_shape == (task.dim_theta,)
    assert prior.log_prob(theta).shape == (20,)
    assert prior.log_prob(theta).isfinite().all()


def test_simulations_have_shape_and_dtype(task, theta):
    x = task.simulate(theta, seed=1)
    assert x.shape == (20, task.dim_x)
    assert x.dtype == torch.float32
    assert x.isfinite().all()


@pytest.mark.usefixtures("untouched_random_state")
def test_the_seed_alone_decides(task):
    # Many, since a class label may be all but certain.
    theta = torch.cat([task.true_theta(k) for k in range(1, task.num_observations + 1)] * 20)
    first = task.simulate(theta, seed=1)
    assert torch.equal(first, task.simulate(theta, seed=1))
    assert not torch.equal(first, task.simulate(theta, seed=2))


def test_one_row_is_enough(task, theta):
    assert task.simulate(theta[:1], seed=1).shape == (1, task.dim_x)


def test_every_observation_and_reference_is_there(task):
    for k in range(1, task.num_observations + 1):
        assert task.observation(k).shape == (1, task.dim_x)
        assert task.true_theta(k).shape == (1, task.dim_theta)
        reference = task.reference_samples(k)
        assert reference.shape == (10_000, task.dim_theta)
        assert reference.dtype == torch.float32
        assert task.prior().support.check(reference).all()


def test_observations_differ(task):
    observations = torch.cat([task.observation(k) for k in range(1, task.num_observations + 1)])
    assert len(observations.unique(dim=0)) == task.num_observations


@pytest.mark.parametrize("k", [0, 11, -1])
def test_an_observation_out_of_range_is_named(task, k):
    with pytest.raises(ValueError, match=f"from 1 to {task.num_observations}"):
        task.observation(k)


def test_the_card_is_filled(task):
    assert all(task.card.as_dict().values())


def test_likelihood_prefers_the_parameters_that_data_were_simulated_from(task, theta):
    """Twenty data of the truth, each with another draw of the prior as the alternative.

    E[p(x | other) / p(x | truth)] <= 1 where x is simulated from the truth. By Markov's inequality a log
    ratio is below -t with a probability of at most exp(-t), and so is the sum of twenty.
    """
    truth = task.true_theta(1).expand(20, -1)
    x = task.simulate(truth, seed=4)
    try:
        at_truth = task.log_likelihood(truth, x)
    except NotImplementedError:
        pytest.skip("no tractable likelihood")
    others = task.log_likelihood(theta, x)
    assert others.shape == at_truth.shape == (20,)
    assert at_truth.isfinite().all()
    ratio = at_truth - others
    assert ratio.min() > -12.0  # twenty times exp(-12) is 1e-4
    # The mean of each is a divergence, larger than zero; their sum is many nats in every task.
    assert ratio.clamp(max=50.0).sum() > 0.0
