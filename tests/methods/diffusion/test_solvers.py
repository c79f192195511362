"""Orders of convergence on a Gaussian, whose flow is known in closed form."""

import math
from itertools import pairwise

import pytest
import torch

from methods.diffusion import SOLVERS, Trigonometric, solve
from methods.exact_score import Schedule

MEAN, STD = 0.7, 0.1


def denoise(z, alpha, beta):
    gain = alpha * STD**2 / (alpha**2 * STD**2 + beta**2)
    return MEAN + gain * (z - alpha * MEAN)


def exact(z, schedule, start, end):
    """The flow of N(MEAN, STD²) between two times, which leaves standardised values unchanged."""
    (a0, b0), (a1, b1) = ((float(schedule.alpha(t)), float(schedule.beta(t))) for t in (start, end))
    white = (z - a0 * MEAN) / math.hypot(a0 * STD, b0)
    return a1 * MEAN + math.hypot(a1 * STD, b1) * white


def uniform(schedule, steps):
    """A uniform grid that avoids t = 0, where beta has no derivative."""
    return torch.linspace(0.9, 0.05, steps + 1, dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "grid", "order"),
    [
        ("euler", uniform, 1),
        ("heun", uniform, 2),
        ("ab2", uniform, 2),
        ("ddim", Schedule.log_snr_times, 1),
        ("dpmpp_2m", Schedule.log_snr_times, 2),
    ],
)
def test_each_solver_has_its_order(name, grid, order):
    schedule = Schedule()
    z = torch.tensor([[-1.5], [0.2], [2.0]], dtype=torch.float64)
    errors = []
    for steps in (100, 200, 400):
        times = grid(schedule, steps)
        expected = exact(z, schedule, times[0], times[-1])
        errors.append(float((SOLVERS[name](denoise, z, schedule, times) - expected).abs().max()))
    orders = [math.log2(a / b) for a, b in pairwise(errors)]
    assert all(abs(found - order) < 0.2 for found in orders), orders


def test_forty_steps_of_second_order_beat_a_thousand_of_euler():
    schedule = Schedule()
    z = torch.tensor([[-1.5], [0.2], [2.0]], dtype=torch.float64)
    expected = exact(z, schedule, torch.ones(1), torch.zeros(1))
    few = (solve(denoise, z, "dpmpp_2m", 40, schedule) - expected).abs().max()
    many = (solve(denoise, z, "euler", 1000, schedule) - expected).abs().max()
    assert few < 0.01 * STD
    assert few < many


@pytest.mark.parametrize("solver", ["euler", "heun", "ab2"])
def test_a_standard_normal_stays_where_it_is_in_the_trigonometric_diffusion(solver):
    """The denoised mean of N(0, I) is alpha z, so the velocity is zero and the flow is the identity."""
    z = torch.randn(20, 3, dtype=torch.float64)
    carried = solve(lambda z, alpha, beta: alpha * z, z, solver, 5, Trigonometric())
    torch.testing.assert_close(carried, z, rtol=1e-9, atol=1e-9)


def test_the_trigonometric_grid():
    schedule = Trigonometric(smallest=0.01, largest=50.0)
    times = schedule.times(6)
    assert len(times) == 7
    assert times[0] == math.pi / 2
    assert times[-1] == 0
    assert float(times[-2].tan()) == pytest.approx(0.01)
    t = torch.linspace(0.1, 1.4, 7, dtype=torch.float64, requires_grad=True)
    for value, slope in ((schedule.alpha, schedule.alpha_slope), (schedule.beta, schedule.beta_slope)):
        (expected,) = torch.autograd.grad(value(t).sum(), t)
        torch.testing.assert_close(slope(t.detach()), expected)


def test_the_map_is_deterministic():
    schedule = Schedule()
    z = torch.randn(5, 1)
    runs = [SOLVERS["dpmpp_2m"](denoise, z, schedule, schedule.log_snr_times(10)) for _ in range(2)]
    assert torch.equal(*runs)
