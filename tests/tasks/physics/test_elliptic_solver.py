"""The solver's order of convergence, its symmetries and its gradient."""

import numpy as np
import pytest

import tasks
from tasks.physics.elliptic_pde import SENSORS, EllipticPDE
from tasks.physics.elliptic_solver import ROWS, five_point, pressure_and_pullback, pressure_at

MODES = EllipticPDE.modes
POINTS = np.array(SENSORS) / 16


def solved(theta, points=POINTS, coarse=16):
    return pressure_at(theta, MODES, points, coarse)


@pytest.fixture
def theta():
    rng = np.random.default_rng(0)
    return rng.standard_normal((12, 4)) / np.sqrt([2, 3, 3, 4])


def nodes(cells):
    inside = np.arange(1, cells) / cells
    return inside[:, None], inside[None]


def source_of_sine(theta, cells):
    """The source -div(e^k grad p) for p = sin(pi x) sin(2 pi y), derived by hand."""
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
        errors.append(np.abs(five_point(theta, MODES, cells, source) - p).max(axis=(1, 2)))
    orders = np.log2([errors[0] / errors[1], errors[1] / errors[2]])
    assert (orders[1] > 1.85).all()
    assert abs(np.median(orders[1]) - 2.0) < 0.05


def test_the_middle_of_the_square_without_a_field():
    """The solution of Poisson's equation at the centre of the square is known as a Fourier series."""
    odd = np.arange(1, 4000, 2)
    sign = np.where(odd % 4 == 1, 1.0, -1.0)
    # One of its two sums has a closed form, so p(1/2, y) is a series in one index with hyperbolic cosines.
    middle = 0.125 - (4 / np.pi**3) * (sign / odd**3 / np.cosh(np.minimum(odd * np.pi / 2, 700))).sum()
    np.testing.assert_allclose(solved(np.zeros((1, 4)), np.array([[0.5, 0.5]]))[0, 0], middle, atol=1e-6)


def test_extrapolation_has_fourth_order_and_an_error_far_below_the_noise(theta):
    finest = solved(theta[:6], POINTS, 64)
    errors = [np.abs(solved(theta[:6], POINTS, cells) - finest).max(axis=1) for cells in (16, 32)]
    assert np.median(np.log2(errors[0] / errors[1])) > 3.6
    assert errors[0].max() < 0.05 * EllipticPDE.noise_sd


def test_a_batch_is_its_rows_one_by_one(theta):
    many = np.tile(theta, (ROWS // 12 + 1, 1))
    together = solved(many)
    assert together.shape == (len(many), 10)
    single = np.concatenate([solved(row[None]) for row in theta])
    np.testing.assert_allclose(together[:12], single, rtol=1e-12)
    np.testing.assert_allclose(together[-12:], single, rtol=1e-12)
    assert solved(many[:0]).shape == (0, 10)


def test_symmetries_of_the_equation(theta):
    p = solved(theta)
    half_turn, mirror, diagonal = 1.0 - POINTS, POINTS * [-1, 1] + [1, 0], POINTS[:, ::-1]
    np.testing.assert_allclose(solved(theta, half_turn), p, rtol=1e-9)
    np.testing.assert_allclose(solved(-theta, mirror), p, rtol=1e-9)
    np.testing.assert_allclose(solved(theta[:, [0, 2, 1, 3]], diagonal), p, rtol=1e-9)


@pytest.mark.parametrize("name", ["elliptic_pde", "elliptic_pde_16"])
def test_the_gradient_is_that_of_the_solution(name):
    task = tasks.get(name)
    points = np.array(task.sensors) / task.coarse
    rng = np.random.default_rng(1)
    theta = 0.5 * rng.standard_normal(task.dim_theta)
    cotangent = rng.standard_normal(len(points))
    pressure, pullback = pressure_and_pullback(theta, task.modes, points, task.coarse)
    step = 1e-5 * np.eye(task.dim_theta)
    both = [pressure_at(theta + sign * step, task.modes, points, task.coarse) for sign in (1, -1)]
    expected = (both[0] - both[1]) @ cotangent / 2e-5
    np.testing.assert_allclose(pullback(cotangent), expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(pressure, pressure_at(theta[None], task.modes, points, task.coarse)[0])


@pytest.mark.parametrize("value", [1e4, np.nan])
def test_no_gradient_where_there_is_no_solution(value):
    with pytest.raises(FloatingPointError):
        pressure_and_pullback(np.array([value, 0.0, 0.0, 0.0]), MODES, POINTS, 16)
