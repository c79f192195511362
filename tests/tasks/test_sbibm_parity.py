"""The eight adapted tasks give the same results as sbibm itself."""

import pytest
import torch

import tasks

NAMES = [
    "bernoulli_glm",
    "bernoulli_glm_raw",
    "gaussian_linear",
    "gaussian_linear_uniform",
    "gaussian_mixture",
    "slcp",
    "slcp_distractors",
    "two_moons",
]


@pytest.fixture(params=NAMES)
def pair(request):
    import sbibm

    return tasks.get(request.param), sbibm.get_task(request.param)


@pytest.fixture
def trusting_load(monkeypatch):
    """sbibm 1.1.0 loads its distractors in the way of torch before ``weights_only`` became the default."""
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda f, **kw: load(f, **{"weights_only": False, **kw}))


@pytest.mark.usefixtures("trusting_load")
def test_the_same_seed_gives_the_same_simulations(pair):
    ours, theirs = pair
    torch.manual_seed(0)
    theta = theirs.get_prior()(num_samples=50)
    torch.manual_seed(17)
    expected = theirs.get_simulator()(theta)
    assert torch.equal(ours.simulate(theta, seed=17), expected)


def test_the_prior_is_the_same(pair):
    ours, theirs = pair
    torch.manual_seed(1)
    theta = theirs.get_prior()(num_samples=50)
    expected = theirs.get_prior_dist().log_prob(theta)
    torch.testing.assert_close(ours.prior().log_prob(theta), expected, rtol=1e-4, atol=1e-4)


def test_stored_data_are_the_same(pair):
    ours, theirs = pair
    for k in (1, 10):
        assert torch.equal(ours.observation(k), theirs.get_observation(k))
        assert torch.equal(ours.true_theta(k), theirs.get_true_parameters(k))
    assert torch.equal(ours.reference_samples(3), theirs.get_reference_posterior_samples(3))


def test_slcp_likelihood_is_the_same():
    import sbibm

    ours = tasks.get("slcp")
    theirs = sbibm.get_task("slcp")._get_log_prob_fn(num_observation=1, posterior=False)
    theta = ours.reference_samples(1)[:5]
    expected = torch.stack([theirs(row[None]).squeeze() for row in theta])
    torch.testing.assert_close(
        ours.log_likelihood(theta, ours.observation(1)), expected, rtol=1e-4, atol=1e-3
    )
