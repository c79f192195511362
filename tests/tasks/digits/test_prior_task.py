"""The task of inferring digits from their upper halves: likelihood, data and posterior."""

import pytest
import torch

import tasks


@pytest.fixture(params=["digits_prior", "digits_prior_8", "digits_prior_flow_8"])
def task(request):
    return tasks.get(request.param)


def test_images_and_classes(task):
    torch.manual_seed(0)
    images = task.images(task.prior().sample((30,)))
    assert images.shape == (30, 64)
    assert images.min() >= 0.0
    assert images.max() <= 1.0
    probabilities = task.classify(images)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(30, dtype=torch.float64))


@pytest.mark.stored_values
def test_observations_come_from_their_seeds(task):
    for k in (1, 10):
        theta, x = task.simulated_truth(k)
        torch.testing.assert_close(task.true_theta(k), theta)
        torch.testing.assert_close(task.observation(k), x, rtol=1e-5, atol=1e-6)


def test_the_likelihood_can_be_differentiated(task):
    torch.manual_seed(1)
    theta = task.prior().sample((5,)).double().requires_grad_()
    x = task.observation(2)
    (gradient,) = torch.autograd.grad(task.log_likelihood(theta, x).sum(), theta)
    at, step = theta.detach(), 1e-5 * torch.eye(task.dim_theta, dtype=torch.float64)
    sides = [torch.stack([task.log_likelihood(at + s * e, x) for e in step], 1) for s in (1.0, -1.0)]
    torch.testing.assert_close(gradient, (sides[0] - sides[1]) / 2e-5, rtol=1e-5, atol=1e-5)


def test_a_half_is_the_upper_one(task):
    theta = task.true_theta(1)
    upper = task.images(theta).reshape(8, 8)[:4]
    torch.testing.assert_close(task.signal(theta)[0], upper.flatten())


@pytest.fixture(scope="module")
def even_grid():
    """``digits_prior``, parameters on an even grid and the signals there, for quadrature."""
    task = tasks.get("digits_prior")
    axis = torch.linspace(-6.0, 6.0, 801, dtype=torch.float64)
    theta = torch.cartesian_prod(axis, axis)
    return task, theta, task.signal(theta)


def test_the_posterior_on_an_even_grid_is_the_reference(even_grid):
    """Quadrature in theta itself, apart from the machinery that made the draws: means and variances.

    The bounds are four standard errors of 10 000 independent draws. At observation 9, a far mode with 0.36 %
    of the mass causes much of the variance, whose error is then several times that of a normal posterior.
    """
    task, theta, signal = even_grid
    log_prior = task.prior().log_prob(theta)
    for k in (1, 4, 9):
        mass = torch.softmax(log_prior + task.log_likelihood_of(signal, task.observation(k)), 0)[:, None]
        mean = (mass * theta).sum(0)
        variance, fourth = ((mass * (theta - mean) ** power).sum(0) for power in (2, 4))
        draws = task.reference_samples(k).double()
        error = (variance / len(draws)).sqrt()
        assert ((draws.mean(0) - mean).abs() < 4.0 * error).all()
        assert (4.0 * error < 0.05 * variance.sqrt()).all()
        error = ((fourth - variance**2) / len(draws)).sqrt()
        assert ((draws.var(0) - variance).abs() < 4.0 * error).all()
        assert (4.0 * error < 0.35 * variance).all()


def test_far_modes_have_their_share(even_grid):
    """Observation 9, beyond five deviations of the median: as quadrature says, within binomial error."""
    task, theta, signal = even_grid
    log_p = task.prior().log_prob(theta) + task.log_likelihood_of(signal, task.observation(9))
    draws = task.reference_samples(9).double()
    middle, width = draws.median(0).values, draws.std(0)
    expected = torch.softmax(log_p, 0)[((theta - middle) / width).norm(dim=1) > 5.0].sum() * len(draws)
    found = (((draws - middle) / width).norm(dim=1) > 5.0).sum()
    assert expected > 20
    assert abs(found - expected) < 3.0 * expected.sqrt()
