import pytest
import torch

from methods.exact_score import Schedule

pytestmark = pytest.mark.parametrize("schedule", [Schedule(), Schedule(kernel=0.3)], ids=["plain", "kernel"])


def test_slopes_are_the_derivatives(schedule):
    t = torch.linspace(0.01, 0.99, 20, dtype=torch.float64, requires_grad=True)
    for value, slope in ((schedule.alpha, schedule.alpha_slope), (schedule.beta, schedule.beta_slope)):
        (expected,) = torch.autograd.grad(value(t).sum(), t)
        torch.testing.assert_close(slope(t.detach()), expected)


def test_log_snr_is_inverted_over_the_whole_range(schedule):
    t = torch.cat([torch.zeros(1), torch.logspace(-6, -0.001, 50)]).double()
    torch.testing.assert_close(schedule.time_of_log_snr(schedule.log_snr(t)), t, rtol=1e-7, atol=1e-12)


def test_grids_go_from_one_to_zero(schedule):
    for grid in (schedule.uniform_times(10), schedule.log_snr_times(10)):
        assert len(grid) == 11
        assert grid[0] == 1.0
        assert grid[-1] == 0.0
        assert (grid.diff() < 0).all()
    steps = schedule.log_snr(schedule.log_snr_times(10)[1:]).diff()
    torch.testing.assert_close(steps, steps[:1].expand(9))
