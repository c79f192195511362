"""Theta as a function of uniform and normal variables."""

import numpy as np
import pytest
import torch
from torch.distributions import Independent, LogNormal, MultivariateNormal, Normal, Uniform

from tasks.reference.coordinates import PriorCoordinates

PRIORS = [
    Uniform(torch.tensor([-1.0, 2.0]), torch.tensor([1.0, 5.0])),
    Normal(torch.tensor([0.0, 3.0]), torch.tensor([1.0, 0.1])),
    LogNormal(torch.tensor([0.0, -2.0]), torch.tensor([0.5, 0.2])),
]


@pytest.mark.parametrize("marginals", PRIORS, ids=lambda prior: type(prior).__name__)
def test_uniform_variables_become_the_prior(marginals):
    prior = Independent(marginals, 1)
    v = np.random.default_rng(0).random((20_000, 2))
    theta = PriorCoordinates(prior).of_cube(v)
    assert theta.dtype == torch.float64
    torch.testing.assert_close(theta.mean(0).float(), prior.mean, rtol=0.02, atol=0.02)
    torch.testing.assert_close(theta.std(0).float(), prior.stddev, rtol=0.02, atol=0.0)


@pytest.mark.parametrize("marginals", PRIORS, ids=lambda prior: type(prior).__name__)
def test_the_ends_are_finite_and_inside(marginals):
    prior = Independent(marginals, 1)
    ends = PriorCoordinates(prior).of_normal(np.array([[-40.0, 40.0], [0.0, -40.0]]))
    assert ends.isfinite().all()
    assert prior.support.check(ends.float()).all()


def test_a_prior_with_correlations_is_refused():
    with pytest.raises(TypeError, match="MultivariateNormal"):
        PriorCoordinates(MultivariateNormal(torch.zeros(2), torch.eye(2)))
