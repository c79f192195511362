"""The solver's order and symmetries, and the task's likelihood and noise."""

import time

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torch.distributions import Normal

from tasks.elliptic_pde import MODES, NOISE_SD, ROWS, SENSORS, EllipticPDE, five_point, pressure_at

POINTS = np.array(SENSORS) / 16


@pytest.fixture
def task():
    return EllipticPDE()


@pytest.fixture
def theta(task):
    torch.manual_seed(0)
    return task.prior().sample((12,)).double().numpy()


def nodes(cells):
    inside = np.arange(1, cells) / cells
    return inside[:, None], inside[None]


def source_of_sine(theta, cells):
    """-div(e^k grad p) for p = sin(pi x) sin(2 pi y), by hand."""
    x, y = nodes(cells)
    k = k_x = k_y = 0.0
    for b, (m, n) in zip(theta.T[..., None, None], MODES, strict=True):
        u, v = 2 * np.pi * m, 2 * np.pi * n
        k = k + b * np.sin(u * x) * np.sin(v * y)
        k_x = k_x + b * u * np.cos(u * x) * np.sin(v * y)
        k_y = k_y + b * v * np.sin(u * x) * np.cos(v * y)
    p = np.sin(np.pi * x) * np.sin(2 * np.pi * y)
    p_x = np.pi * np.cos(np.pi * x) * np.sin(2 * np.pi * y)
    p_y = 2 * np.pi * np.sin(np.pi * x) * np.cos(2 * np.pi * y)
    return p, -np.exp(k) * (k_x * p_x + k_y * p_y - 5 * np.pi**2 * p)


def test_a_manufactured_solution_is_met_with_second_order(theta):
    errors = []
    for cells in (16, 32, 64):
        p, source = source_of_sine(theta, cells)
        errors.append(np.abs(five_point(theta, cells, source) - p).max(axis=(1, 2)))
    orders = np.log2([errors[0] / errors[1], errors[1] / errors[2]])
    assert (orders[1] > 1.85).all()
    assert abs(np.median(orders[1]) - 2.0) < 0.05


def test_the_middle_of_the_square_without_a_field():
    """Poisson's equation has a Fourier series in the middle."""
    odd = np.arange(1, 4000, 2)
    sign = np.where(odd % 4 == 1, 1.0, -1.0)
    # One of the two sums in closed form: p(1/2, y) is a series in one index with hyperbolic cosines.
    middle = 0.125 - (4 / np.pi**3) * (sign / odd**3 / np.cosh(np.minimum(odd * np.pi / 2, 700))).sum()
    np.testing.assert_allclose(pressure_at(np.zeros((1, 4)), np.array([[0.5, 0.5]]))[0, 0], middle, atol=1e-6)


def test_extrapolation_has_fourth_order_and_an_error_far_below_the_noise(theta):
    finest = pressure_at(theta[:6], POINTS, 64)
    errors = [np.abs(pressure_at(theta[:6], POINTS, cells) - finest).max(axis=1) for cells in (16, 32)]
    assert np.median(np.log2(errors[0] / errors[1])) > 3.6
    assert errors[0].max() < 0.05 * NOISE_SD


def test_a_batch_is_its_rows_one_by_one(theta):
    many = np.tile(theta, (ROWS // 12 + 1, 1))
    together = pressure_at(many, POINTS)
    assert together.shape == (len(many), 10)
    single = np.concatenate([pressure_at(row[None], POINTS) for row in theta])
    np.testing.assert_allclose(together[:12], single, rtol=1e-12)
    np.testing.assert_allclose(together[-12:], single, rtol=1e-12)
    assert pressure_at(many[:0], POINTS).shape == (0, 10)


def test_symmetries_of_the_equation(theta):
    p = pressure_at(theta, POINTS)
    half_turn, mirror, diagonal = 1.0 - POINTS, POINTS * [-1, 1] + [1, 0], POINTS[:, ::-1]
    np.testing.assert_allclose(pressure_at(theta, half_turn), p, rtol=1e-9)
    np.testing.assert_allclose(pressure_at(-theta, mirror), p, rtol=1e-9)
    np.testing.assert_allclose(pressure_at(theta[:, [0, 2, 1, 3]], diagonal), p, rtol=1e-9)


def test_no_sensor_is_another_ones_image():
    for x, y in SENSORS:
        images = {(16 - x, 16 - y), (16 - x, y), (x, 16 - y), (y, x), (16 - y, 16 - x)} - {(x, y)}
        assert not images & set(SENSORS)


def test_the_sensors_tell_a_field_from_its_mirror_images(theta):
    def apart(one, other):
        """How far their pressures are, in standard deviations of the noise."""
        return np.linalg.norm(pressure_at(one, POINTS) - pressure_at(other, POINTS), axis=1) / NOISE_SD

    assert np.median(apart(theta, -theta)) > 5.0
    assert apart(np.array([[0.0, 0.6, -0.6, 0.0]]), np.array([[0.0, -0.6, 0.6, 0.0]])) > 3.0


@pytest.mark.filterwarnings("error")
def test_what_has_no_solution_is_a_row_of_nan(task):
    theta = torch.zeros(5, 4)
    theta[1, 0], theta[2, 3], theta[3, 1] = torch.nan, torch.inf, 1e4
    x = task.simulate(theta, seed=1)
    assert x[1:4].isnan().all()
    assert x[[0, 4]].isfinite().all()
    likelihood = task.log_likelihood(theta, task.observation(1))
    assert likelihood[1:4].tolist() == [-torch.inf] * 3
    assert likelihood[[0, 4]].isfinite().all()


def test_the_likelihood_is_normal(task):
    theta = task.prior().sample((5,))
    x = task.observation(2)
    expected = Normal(task.pressure(theta), NOISE_SD).log_prob(x.double()).sum(-1).float()
    torch.testing.assert_close(task.log_likelihood(theta, x), expected)
    assert task.log_likelihood(theta.double(), x).dtype == torch.float64


def test_the_noise_is_what_the_card_says(task):
    theta = torch.tensor([[0.5, -0.3, 0.2, 0.1]]).expand(1000, 4)
    z = (task.simulate(theta, seed=3) - task.pressure(theta[:1])) / NOISE_SD
    assert kstest(z.flatten().numpy(), "norm").pvalue > 0.01


def test_a_simulation_takes_less_than_two_milliseconds(task):
    theta = task.prior().sample((500,))
    task.simulate(theta[:2], seed=1)
    start = time.process_time()
    task.simulate(theta, seed=1)
    assert time.process_time() - start < 1.0


def test_the_data_of_an_observation_do_not_share_its_parameters_randomness(task):
    """With one seed for both, the first four residuals are the parameters' own normal numbers."""
    for k in range(1, 11):
        theta, x = task.simulated_truth(k)
        residual = (x.double() - task.pressure(theta)) / NOISE_SD
        assert ((residual[:, :4] - theta / task.prior().stddev).abs() > 1e-3).any()


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
