"""Sensors, likelihoods and stored references of the elliptic tasks."""

import time

import numpy as np
import pytest
import torch

import tasks

NAMES = ["elliptic_pde", "elliptic_pde_16"]


@pytest.fixture(params=NAMES)
def task(request):
    return tasks.get(request.param)


def test_no_sensor_is_another_ones_image(task):
    side = task.coarse
    for x, y in task.sensors:
        images = {(side - x, side - y), (side - x, y), (x, side - y), (y, x), (side - y, side - x)}
        assert not (images - {(x, y)}) & set(task.sensors)


def test_the_solver_is_far_below_the_noise(task):
    torch.manual_seed(0)
    theta = task.prior().sample((8,))
    assert float((task.finer_signal(theta) - task.signal(theta)).abs().max()) < 0.05 * task.noise_sd


def test_the_sensors_tell_a_field_from_its_mirror_images():
    task = tasks.get("elliptic_pde")
    torch.manual_seed(0)
    theta = task.prior().sample((12,))

    def apart(one, other):
        """Distance between the pressures of two thetas, in standard deviations of the noise."""
        return (task.signal(one) - task.signal(other)).norm(dim=1) / task.noise_sd

    assert apart(theta, -theta).median() > 5.0
    swapped = torch.tensor([[0.0, 0.6, -0.6, 0.0]])
    assert apart(swapped, -swapped) > 3.0


@pytest.mark.filterwarnings("error")
def test_what_has_no_solution_is_a_row_of_nan():
    task = tasks.get("elliptic_pde")
    theta = torch.zeros(5, 4)
    theta[1, 0], theta[2, 3], theta[3, 1] = torch.nan, torch.inf, 1e4
    x = task.simulate(theta, seed=1)
    assert x[1:4].isnan().all()
    assert x[[0, 4]].isfinite().all()
    likelihood = task.log_likelihood(theta, task.observation(1))
    assert likelihood[1:4].tolist() == [-torch.inf] * 3
    assert likelihood[[0, 4]].isfinite().all()


def test_the_gradient_of_the_likelihood(task):
    torch.manual_seed(2)
    theta = 0.5 * task.prior().sample((1,)).double()
    x = task.observation(3)
    value, gradient = task.log_likelihood_gradient(theta[0].numpy(), x[0].double().numpy())
    assert value == pytest.approx(float(task.log_likelihood(theta, x)), rel=1e-9)
    step = 1e-5 * torch.eye(task.dim_theta, dtype=torch.float64)
    expected = (task.log_likelihood(theta + step, x) - task.log_likelihood(theta - step, x)) / 2e-5
    np.testing.assert_allclose(gradient, expected.numpy(), rtol=1e-5, atol=1e-4 * float(expected.abs().max()))
    far = np.full(task.dim_theta, 1e4)
    value, gradient = task.log_likelihood_gradient(far, x[0].double().numpy())
    assert value == -np.inf
    assert not gradient.any()


@pytest.mark.parametrize(("name", "most"), [("elliptic_pde", 1.0), ("elliptic_pde_16", 2.0)])
def test_five_hundred_simulations_take_seconds(name, most):
    task = tasks.get(name)
    theta = task.prior().sample((500,))
    task.simulate(theta[:2], seed=1)
    start = time.process_time()
    task.simulate(theta, seed=1)
    assert time.process_time() - start < most


def test_the_data_of_an_observation_do_not_share_its_parameters_randomness():
    """With a shared seed, the first four residuals would be the normal numbers that made the parameters."""
    task = tasks.get("elliptic_pde")
    for k in range(1, 11):
        theta, x = task.simulated_truth(k)
        residual = (x.double() - task.signal(theta)) / task.noise_sd
        assert ((residual[:, :4] - theta / task.prior().stddev).abs() > 1e-3).any()


@pytest.mark.stored_values
def test_stored_truths_and_observations_are_the_simulated_ones(task):
    for k in range(1, 11):
        theta, x = task.simulated_truth(k)
        torch.testing.assert_close(task.true_theta(k), theta)
        torch.testing.assert_close(task.observation(k), x, rtol=1e-5, atol=1e-7)


def test_what_is_handed_out_can_be_changed(task):
    task.observation(1).zero_()
    task.reference_samples(1).zero_()
    assert task.observation(1).abs().min() > 0.0
    assert task.reference_samples(1).std() > 0.0
