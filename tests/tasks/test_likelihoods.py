"""Closed-form likelihoods compared with their simulators and with the stored posteriors."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

import tasks


def test_two_moons_integrates_to_one():
    task = tasks.get("two_moons")
    theta = torch.tensor([[0.3, -0.4]], dtype=torch.float64)
    centre = torch.tensor([0.25 - abs(-0.1) / math.sqrt(2), -0.7 / math.sqrt(2)], dtype=torch.float64)
    axis = torch.linspace(-0.2, 0.2, 801, dtype=torch.float64)
    x = torch.cartesian_prod(axis, axis) + centre
    mass = task.log_likelihood(theta.expand(len(x), 2), x).exp().sum() * (axis[1] - axis[0]) ** 2
    assert abs(float(mass) - 1.0) < 0.01


@pytest.mark.parametrize("name", ["gaussian_mixture", "gaussian_linear_uniform", "two_moons"])
def test_the_posterior_of_the_likelihood_is_the_reference(name):
    """Under a flat prior, the reference satisfies E[g · score] = -E[div g] for g that vanishes at the bounds.

    For a smooth bump g around the centre of the reference, this holds only if the likelihood is proportional
    to the reference's density.
    """
    task = tasks.get(name)
    reference = task.reference_samples(1).double()
    bound = task.prior().base_dist.high.double()
    theta = reference.clone().requires_grad_()
    log_p = task.log_likelihood(theta, task.observation(1).double())
    (score,) = torch.autograd.grad(log_p.sum(), theta)
    room = 1.0 - (reference / bound) ** 2  # zero at the bounds
    left = score * room
    right = 2.0 * reference / bound**2  # minus the derivative of room
    difference = left - right
    error = difference.std(0) / math.sqrt(len(reference))
    assert (difference.mean(0).abs() < 4.5 * error).all()


def test_distractors_do_not_change_the_posterior():
    plain, hidden = tasks.get("slcp"), tasks.get("slcp_distractors")
    theta = plain.reference_samples(2)[:20]
    a = plain.log_likelihood(theta, plain.observation(2))
    b = hidden.log_likelihood(theta, hidden.observation(2))
    torch.testing.assert_close((a - a[0]), (b - b[0]), rtol=1e-3, atol=1e-2)


def test_bernoulli_likelihood_by_hand():
    task = tasks.get("bernoulli_glm_raw")
    theta = torch.zeros(1, 10)
    value = task.log_likelihood(theta, task.observation(1))
    assert abs(float(value) - 100 * math.log(0.5)) < 1e-4


def test_the_density_of_distractors_by_hand():
    """The mixture of Student-t densities (2 degrees of freedom) is computed by numpy from stored factors."""
    task = tasks.get("slcp_distractors")
    stored = task._distractors.component_distribution.base_dist
    loc, factor = stored.loc.numpy(), stored.scale_tril.numpy()
    noise = loc[:3] + 0.5
    d = 92
    const = math.lgamma((2 + d) / 2) - math.lgamma(1.0) - d / 2 * math.log(2 * math.pi)
    log_det = np.log(np.abs(np.diagonal(factor, axis1=1, axis2=2))).sum(1)
    log_p = np.empty((3, 20))
    for i, j in np.ndindex(3, 20):
        white = solve_triangular(factor[j], noise[i] - loc[j], lower=True)
        log_p[i, j] = const - log_det[j] - (2 + d) / 2 * math.log1p(white @ white / 2)
    expected = logsumexp(log_p, axis=1) - math.log(20)
    np.testing.assert_allclose(task._distractor_log_prob(torch.from_numpy(noise)), expected, rtol=1e-6)
