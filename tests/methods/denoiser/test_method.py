"""The denoiser's network, training, emulator, ODE and sampler."""

import math

import pytest
import torch
from torch.distributions import Independent, Uniform

import methods
from methods.denoiser import DenoiserFlow, flow
from methods.denoiser.emulator import Emulator
from methods.denoiser.fit import DenoiserSettings, fit_denoiser
from methods.learning.denoiser_network import DenoiserNetwork, velocity_loss
from methods.learning.denoising import HeldOut, learn, split
from methods.learning.networks import seeded
from methods.learning.sizes import Sizes

PRIOR = Independent(Uniform(-torch.ones(1), torch.ones(1)), 1)


def folded(n, seed=0):
    """Simulations of x = |theta| + noise, whose posterior has two modes."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        theta = PRIOR.sample((n,))
        return theta, theta.abs() + 0.1 * torch.randn(n, 1)


def test_untrained_the_flow_is_the_base():
    network = DenoiserNetwork(3, 2, width=8, depth=2)
    z, c = torch.randn(10, 3), torch.randn(10, 2)
    torch.testing.assert_close(DenoiserFlow(network)(z, c), z, rtol=1e-4, atol=1e-4)
    w, level, noise = torch.randn(5000, 3), torch.randn(5000, 1), torch.randn(5000, 3)
    with torch.no_grad():
        loss = velocity_loss(network, w, torch.randn(5000, 2), level, noise).mean()
    # The loss of a row is a mean of three squared normals; the bound is 4.5 standard errors of 5000 rows.
    assert float(loss) == pytest.approx(1, abs=4.5 * (2 / 3 / 5000) ** 0.5)


def test_the_loss_is_least_for_the_exact_velocity():
    """For residuals N(0, s²), the best velocity is (1 - s²) alpha beta z / (alpha² s² + beta²)."""
    spread = 0.5

    def exact(z, log_noise, c):
        time = log_noise.exp().atan()
        alpha, beta = time.cos(), time.sin()
        return (1 - spread**2) * alpha * beta * z / (alpha**2 * spread**2 + beta**2)

    torch.manual_seed(0)
    w, c = spread * torch.randn(100_000, 1), torch.zeros(100_000, 1)
    level, noise = torch.randn(100_000, 1), torch.randn(100_000, 1)
    least = velocity_loss(exact, w, c, level, noise).mean()
    for factor in (0.9, 1.1):
        assert velocity_loss(lambda *a, f=factor: f * exact(*a), w, c, level, noise).mean() > least


def test_training_keeps_the_best_held_out_weights():
    theta, x = folded(300)
    held, rest = split(300, seed=0)
    assert len(held) == 30
    assert set(held.tolist()).isdisjoint(rest.tolist())
    look = HeldOut(theta[held], x[held], seed=0)
    network = seeded(lambda: DenoiserNetwork(theta.shape[1], x.shape[1], width=32, depth=2), seed=0)
    before = look.loss(network)
    learn(network, theta[rest], x[rest], look, steps=400, batch_size=128, learning_rate=3e-3, seed=0)
    after = look.loss(network)
    assert after < 0.8 * before
    learn(network, theta[rest], x[rest], look, steps=20, batch_size=128, learning_rate=1.0, seed=0)
    assert look.loss(network) == pytest.approx(after)


@pytest.mark.slow
def test_the_emulator_has_the_simulators_law():
    theta, x = folded(500)
    held, rest = split(500, seed=0)
    emulator = Emulator(PRIOR, theta, x, held, rest, Sizes(32, 2, 300, 256, 0))
    fresh, columns = emulator.sample(4000)
    assert PRIOR.support.check(fresh).all()
    near = (fresh.abs() - 0.5).abs() < 0.1
    residual = (columns - fresh.abs())[near]
    # About 200 of the 500 simulations are this near; the bound is 4.5 standard errors of these.
    assert float(residual.mean()) == pytest.approx(0.0, abs=4.5 * 0.1 / 200**0.5)
    assert float(residual.std()) == pytest.approx(0.1, abs=0.04)


@pytest.mark.usefixtures("untouched_random_state")
@pytest.mark.parametrize("emulated", [0, pytest.param(2000, marks=pytest.mark.slow)])
def test_a_fit_is_repeatable_and_better_than_the_base(emulated):
    theta, x = folded(300)
    plan = DenoiserSettings(width=32, depth=2, steps=300, emulated=emulated)
    first, again = (fit_denoiser(PRIOR, theta, x, plan) for _ in range(2))
    assert first.log_likelihood == again.log_likelihood
    # The exact value is -ln(2 sqrt(2 pi e) / 10) = 0.19 for two modes of standard deviation 0.1; one Gaussian
    # over both has -0.87. A log density has a standard deviation of 0.7, and its mean over the 30 held-out
    # rows has a standard error of 0.13.
    assert -0.87 + 4 * 0.13 < first.log_likelihood < 0.19 + 4 * 0.13


@pytest.mark.slow
def test_samples_have_both_modes_and_stay_inside():
    theta, x = folded(2000)
    spec = "denoiser[width=64,depth=2,training_steps=1500,num_emulated=0]"
    posterior = methods.get(spec).fit(PRIOR, theta, x)
    torch.manual_seed(0)
    drawn = posterior.sample((4000,), x=torch.tensor([[0.5]]))
    assert PRIOR.support.check(drawn).all()
    # About 200 simulations lie within 0.1 of x. 4.5 standard errors of these are 0.16 for a share, 0.032 for
    # a mean and 0.023 for a standard deviation; the network has a bias of 0.02 at all seeds.
    assert float((drawn > 0).float().mean()) == pytest.approx(0.5, abs=0.16)
    assert float(drawn.abs().mean()) == pytest.approx(0.5, abs=0.032 + 0.02)
    assert float(drawn.abs().std()) == pytest.approx(0.1, abs=0.023 + 0.02)
    assert posterior.nfe == 24
    assert math.isfinite(posterior.log_likelihood)
    grid = torch.linspace(-0.999, 0.999, 1000)[:, None]
    density = posterior.log_prob(grid, x=torch.tensor([[0.5]])).exp()[:, None]
    assert float(density.sum() * 0.002) == pytest.approx(1.0, abs=0.03)
    assert float(density[(grid.abs() - 0.5).abs() < 0.2].sum() * 0.002) > 0.9
    assert posterior.log_prob(torch.tensor([[1.5]]), x=torch.tensor([[0.5]])) == -torch.inf


def test_observations_are_carried_together(monkeypatch):
    """One ODE is solved for all, in parts that fit; its samples are those of each noise vector alone."""
    theta, x = folded(300)
    spec = "denoiser[width=16,depth=1,training_steps=30,num_emulated=0,steps=6]"
    posterior = methods.get(spec).fit(PRIOR, theta, x)
    calls = []
    real = flow.solve
    monkeypatch.setattr(flow, "solve", lambda *args: calls.append(args) or real(*args))
    torch.manual_seed(0)
    together = posterior.sample_batched((4,), x=x[:7])
    assert len(calls) == 1
    torch.manual_seed(0)
    z = torch.randn(4, 7, 1)
    for k in range(7):
        c = posterior.base.encode_x(x[k : k + 1])
        alone = posterior.base.theta(posterior.flow(z[:, k], c), c)
        torch.testing.assert_close(together[:, k], alone, rtol=1e-4, atol=1e-4)
    for rows in (2, 9):
        monkeypatch.setattr(flow, "CACHED", rows)
        torch.manual_seed(0)
        torch.testing.assert_close(posterior.sample_batched((4,), x=x[:7]), together, rtol=1e-4, atol=1e-4)
