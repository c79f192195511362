"""Tasks with a noisy signal as data: their signals, likelihoods and stored references."""

import math

import pytest
import torch
from scipy.stats import kstest
from torch.distributions import Normal

import tasks
from tasks.physics.lorenz63 import _readings
from tasks.tools.signal_task import SignalTask

RARE = 1e-4  # probability that a correct result fails, at any seed
NAMES = [name for name in tasks.names() if isinstance(tasks.get(name), SignalTask)]


@pytest.fixture(params=NAMES)
def task(request):
    return tasks.get(request.param)


@pytest.fixture
def theta(task):
    torch.manual_seed(1)
    return task.prior().sample((30,))


def test_the_likelihood_is_normal(task, theta):
    x = task.observation(2)
    expected = Normal(task.signal(theta), task.noise_sd).log_prob(x.double()).sum(-1)
    torch.testing.assert_close(task.log_likelihood(theta.double(), x), expected)


def test_the_noise_is_what_the_task_says(task, theta):
    many = theta[:1].expand(1000, -1)
    z = (task.simulate(many, seed=3) - task.signal(many)) / task.noise_sd
    assert kstest(z.flatten().numpy(), "norm").pvalue > RARE


@pytest.mark.parametrize("k", [1, 6])
def test_the_posterior_predictive_covers_the_observation(task, k):
    signal = task.signal(task.reference_samples(k)[:500])
    chi_square = ((task.observation(k) - signal) / task.noise_sd).square().sum(1).mean()
    # The chi-square has dim_x - dim_theta from the fit and dim_theta from the posterior's spread.
    assert abs(chi_square - task.dim_x) < 5 * math.sqrt(2 * task.dim_x)


def test_an_alias_of_the_oscillator_gives_the_same_data():
    task = tasks.get("damped_oscillator")
    theta = task.prior().sample((50,)).double()
    alias = torch.cat([2.5 - theta[:, :1], theta[:, 1:]], dim=1)
    torch.testing.assert_close(task.signal(alias), task.signal(theta), rtol=0, atol=1e-9)
    for k in (1, 7):
        upper = (task.reference_samples(k)[:, 0] > 1.25).float().mean()
        assert float(upper) == pytest.approx(0.5, abs=0.025)


def test_the_oscillator_solves_its_equation():
    """x'' + 2 g x' + (g² + w²) x = 0, where autograd differentiates the closed form by its times."""
    frequency, damping, amplitude = 0.7, 0.3, 1.5
    w = 2 * math.pi * frequency
    t = torch.tensor([0.4, 1.2, 4.0], dtype=torch.float64, requires_grad=True)
    x = amplitude * torch.exp(-damping * t) * torch.cos(w * t)
    at = tasks.get("damped_oscillator").signal(
        torch.tensor([[frequency, damping, amplitude]], dtype=torch.float64)
    )
    torch.testing.assert_close(at[0, [0, 2, 9]], x.detach())
    [first] = torch.autograd.grad(x.sum(), t, create_graph=True)
    [second] = torch.autograd.grad(first.sum(), t, create_graph=True)
    # For the envelope times a cosine, (D + g)² x = -w² x.
    left = second + 2 * damping * first + (damping**2 + w**2) * x
    torch.testing.assert_close(left, torch.zeros_like(left), rtol=0, atol=1e-9)


def test_a_ringdown_starts_at_its_phase_and_decays():
    task = tasks.get("ringdown")
    signal = task.signal(torch.tensor([[5.0, 0.25, 4.0, 0.0], [5.0, 0.25, 4.0, math.pi / 2]]).double())
    assert signal[0, 0] == pytest.approx(5.0)
    assert signal[1, 0] == pytest.approx(0.0, abs=1e-6)
    # Eight samples later, one period of 4 ms and one decay time have passed.
    assert signal[0, 8] == pytest.approx(5.0 / math.e)
    assert task.reference_samples(2)[:, 3].abs().max() <= math.pi


def test_a_tracer_conserves_its_mass_and_moves_with_the_wind():
    """The signal is a density over the sensor's place; the test integrates over shifts of the source."""
    task = tasks.get("advection_diffusion")
    side = torch.linspace(-6.0, 6.0, 241, dtype=torch.float64)
    x0, y0 = torch.meshgrid(side, side, indexing="ij")
    theta = torch.stack(
        [x0.flatten(), y0.flatten(), torch.full((241**2,), 1.5), torch.full((241**2,), 0.5)], 1
    )
    at = task.signal(theta.double())[:, 3]  # the first sensor, 3 h: 2.5 h after the release
    assert float(at.sum()) * 0.05**2 == pytest.approx(1.5, rel=1e-4)
    assert float((at * theta[:, 0]).sum() / at.sum()) == pytest.approx(1.0 - 2.5, abs=1e-3)
    assert float((at * theta[:, 1].double() ** 2).sum() / at.sum()) == pytest.approx(2 * 0.1 * 2.5, rel=1e-3)


def test_a_mirrored_source_gives_the_same_data():
    task = tasks.get("advection_diffusion")
    theta = task.prior().sample((20,))
    mirrored = theta * torch.tensor([1.0, -1.0, 1.0, 1.0])
    assert torch.equal(task.signal(theta), task.signal(mirrored))
    assert float((task.reference_samples(1)[:, 1] > 0).float().mean()) == pytest.approx(0.5, abs=0.025)


def test_the_lorenz_solver_has_fourth_order():
    task = tasks.get("lorenz63")
    # The rows are fixed, and the median of their errors is used: if rho is large, the errors of 20 steps have
    # not reached the asymptotic order yet.
    sigma, beta = torch.tensor([6.0, 10.0, 14.0]), torch.tensor([1.5, 2.5, 3.5])
    theta = torch.cartesian_prod(sigma, torch.arange(15.0, 28.0, 3.0), beta)
    finest = _readings(theta, 160)
    errors = [(_readings(theta, steps) - finest).abs().amax(1).median() for steps in (20, 40)]
    assert 3.5 < math.log2(errors[0] / errors[1]) < 4.8
    assert float(errors[0]) < 0.001 * task.noise_sd
    # For rho = 2 and beta = 1, the start (1, 1, 1) is a fixed point, so nothing moves.
    still = task.signal(torch.tensor([[10.0, 2.0, 1.0]]))
    torch.testing.assert_close(still, torch.ones_like(still))
