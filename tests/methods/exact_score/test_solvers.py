"""Order of convergence on a Gaussian, whose flow is known in closed form."""

import math
from itertools import pairwise

import pytest
import torch

from methods.exact_score import SOLVERS, Schedule, solve

MEAN, STD = 0.7, 0.1


def denoise(z, alpha, beta):
    gain = alpha * STD**2 / (alpha**2 * STD**2 + beta**2)
    return MEAN + gain * (z - alpha * MEAN)


def exact(z, schedule, start, end):
    """The flow of N(MEAN, STD²) between two times: standardised values stay as they are."""
    (a0, b0), (a1, b1) = ((float(schedule.alpha(t)), float(schedule.beta(t))) for t in (start, end))
    white = (z - a0 * MEAN) / math.hypot(a0 * STD, b0)
    return a1 * MEAN + math.hypot(a1 * STD, b1) * white


def uniform(schedule, steps):
    """Away from t = 0, where beta has no derivative."""
    return torch.linspace(0.9, 0.05, steps + 1, dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "grid", "order"),
    [("euler", uniform, 1), ("ddim", Schedule.log_snr_times, 1), ("dpmpp_2m", Schedule.log_snr_times, 2)],
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


def test_the_map_is_deterministic():
    schedule = Schedule()
    z = torch.randn(5, 1)
    runs = [SOLVERS["dpmpp_2m"](denoise, z, schedule, schedule.log_snr_times(10)) for _ in range(2)]
    assert torch.equal(*runs)
