import pytest
import torch

from methods.inflationary import InflationSchedule

PLAN = {"rho": 2.0, "end": 7.01, "start_noise": 5e-4}


@pytest.mark.parametrize(
    "schedule",
    [InflationSchedule.preserving(3, **PLAN), InflationSchedule.reducing(3, 2, gap=1.02, **PLAN)],
    ids=["preserving", "reducing"],
)
def test_slopes_are_autograds(schedule):
    t = torch.linspace(0.0, 7.0, 30, dtype=torch.float64)[:, None].requires_grad_()
    (scale_slope,) = torch.autograd.grad(schedule.scale(t).log().sum(), t)
    torch.testing.assert_close(schedule.log_scale_slope(t).detach(), scale_slope)
    for j in range(3):
        (noise_slope,) = torch.autograd.grad(schedule.noise(t)[:, j].log().sum(), t)
        torch.testing.assert_close(noise_slope, schedule.rates[j].double().expand_as(noise_slope))


def test_preserved_directions_stay_normal_and_the_others_fall_behind():
    end = torch.tensor([[7.01]], dtype=torch.float64)
    kept = InflationSchedule.preserving(2, **PLAN).spread(end)
    torch.testing.assert_close(kept, torch.ones(1, 2, dtype=torch.float64))
    one, other = InflationSchedule.reducing(2, 1, gap=1.02, **PLAN).spread(end)[0]
    # The published value is exp(-rho gap end / 2).
    assert float(other / one) == pytest.approx(torch.exp(torch.tensor(-1.02 * 7.01)).item(), rel=2e-3)


def test_a_wider_gap_leaves_less():
    end = torch.tensor([[7.01]])
    behind = [float(InflationSchedule.reducing(2, 1, gap=g, **PLAN).spread(end)[0, 1]) for g in (1.02, 1.5)]
    assert behind[1] < behind[0] / 10


@pytest.mark.parametrize("keep", [0, 3])
def test_as_many_kept_as_there_are_is_refused(keep):
    with pytest.raises(ValueError, match=f"keep = {keep}: of 3 directions"):
        InflationSchedule.reducing(3, keep, gap=1.02, **PLAN)
