import math
from dataclasses import replace

import pytest
import torch

from methods.contract.counting import Evaluations
from methods.inflationary import InflationaryFlow, InflationNetwork, InflationSchedule
from methods.transforms.whitening import participation_ratio

PLAN = {"rho": 2.0, "end": 7.01, "start_noise": 5e-4}
PRESERVING = InflationSchedule.preserving(2, **PLAN)
REDUCING = InflationSchedule.reducing(2, 1, gap=1.02, **PLAN)
NOTHING = torch.zeros(1, 0)
VARIANCES = torch.tensor([1.4, 0.6], dtype=torch.float64)


def gaussian(schedule, variances=VARIANCES):
    """The denoiser of data N(0, diag(variances))."""

    def denoise(y, t, c):
        return variances / (variances + schedule.noise(t)) * y

    return denoise


def carried(schedule, w, end=7.01):
    """The points to which the flow maps Gaussian data, in closed form."""
    zero, end = (torch.full((1, 1), t, dtype=torch.float64) for t in (0.0, end))
    growth = ((VARIANCES + schedule.noise(end)) / (VARIANCES + schedule.noise(zero))).sqrt()
    # The published form, s(t) times the growth of the noisy data, divided by the spread.
    return schedule.scale(end) * growth / schedule.spread(end) * w


@pytest.fixture
def w():
    torch.manual_seed(0)
    return torch.randn(200, 2, dtype=torch.float64) * VARIANCES.sqrt()


@pytest.mark.parametrize("schedule", [PRESERVING, REDUCING], ids=["preserving", "reducing"])
@pytest.mark.parametrize(("solver", "steps"), [("heun", 400), ("dopri5", 1), ("euler", 4000)])
def test_gaussian_data_go_where_the_closed_form_says(schedule, solver, steps, w):
    flow = InflationaryFlow(gaussian(schedule), schedule, solver, steps)
    w = w[:5]
    latent = flow.inflate(w, NOTHING)
    expected = carried(schedule, w)
    assert (latent - expected).abs().max() < 1e-4
    assert (flow.generate(expected, NOTHING) - w).abs().max() < 1e-4


def test_part_of_the_way(w):
    flow = InflationaryFlow(gaussian(PRESERVING), PRESERVING, "heun", 400)
    halfway = flow.inflate(w, NOTHING, until=3.0)
    assert (halfway - carried(PRESERVING, w, 3.0)).abs().max() < 1e-4
    assert (flow.generate(halfway, NOTHING, since=3.0) - w).abs().max() < 1e-4


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2)])
def test_order(solver, order, w):
    errors = []
    for steps in (100, 200):
        flow = InflationaryFlow(gaussian(PRESERVING), PRESERVING, solver, steps)
        errors.append(float((flow.inflate(w, NOTHING) - carried(PRESERVING, w)).abs().max()))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize(("solver", "calls"), [("euler", 9), ("heun", 18)])
def test_evaluations_are_counted(solver, calls, w):
    count = Evaluations()
    flow = InflationaryFlow(count.of(gaussian(PRESERVING)), PRESERVING, solver, 9)
    assert count.per_sample(lambda: flow.generate(w, NOTHING))[1] == calls


def test_the_participation_ratio_stays_or_falls_to_that_of_what_is_kept(w):
    deviations = torch.tensor([1.3, 0.5], dtype=torch.float64)  # of the principal components
    w = torch.randn(20_000, 2, dtype=torch.float64)
    before = participation_ratio((w * deviations).T.cov())
    for schedule, expected in ((PRESERVING, before), (REDUCING, 1.0)):
        ones = torch.ones(2, dtype=torch.float64)
        flow = InflationaryFlow(gaussian(schedule, ones), schedule, "heun", 200)
        end = torch.full((1, 1), 7.01, dtype=torch.float64)
        after = flow.inflate(w, NOTHING) * schedule.spread(end) * deviations
        assert participation_ratio(after.T.cov()) == pytest.approx(expected, rel=0.02)


def test_the_density_of_gaussian_data():
    schedule = replace(PRESERVING, end=12.0)  # at the end, the data's variances are negligible
    w = torch.randn(50, 2, dtype=torch.float64)
    variances = VARIANCES + 5e-4
    expected = -0.5 * (w.square() / variances + (2 * math.pi * variances).log()).sum(1)
    found = InflationaryFlow(gaussian(schedule), schedule, "heun", 400).log_prob(w, NOTHING)
    assert (found - expected).abs().max() < 1e-3


@pytest.mark.parametrize("dim", [1, 2])
def test_a_networks_density_integrates_to_one(dim):
    torch.manual_seed(1)
    schedule = InflationSchedule.preserving(dim, **PLAN)
    network = InflationNetwork(schedule, 0, 16, 2)
    torch.nn.init.normal_(network.mlp.last.weight, std=0.5)
    axis = torch.linspace(-7.0, 7.0, 81)
    w = torch.cartesian_prod(*[axis] * dim).reshape(-1, dim)
    density = InflationaryFlow(network, schedule, "heun", 50).log_prob(w, NOTHING).exp()
    assert float(density.sum() * (axis[1] - axis[0]) ** dim) == pytest.approx(1.0, abs=5e-3)
    normal = (-0.5 * w.square().sum(1)).exp() / (2 * math.pi) ** (dim / 2)
    assert (density - normal).abs().max() > 0.03


def test_hutchinson_above_ten_dimensions():
    schedule = InflationSchedule.preserving(11, **PLAN)
    w = torch.randn(20, 11)
    variance = torch.linspace(0.5, 2.0, 11)
    flow = InflationaryFlow(gaussian(schedule, variance), schedule, "heun", 100)
    # Probes of random signs give the trace of a diagonal Jacobian exactly.
    noisy = variance + 5e-4
    expected = -0.5 * (w.square() / noisy + (2 * math.pi * noisy).log()).sum(1)
    assert (flow.log_prob(w, NOTHING) - expected).abs().max() < 0.05
