"""Errors of the exact-score methods for simulations that they cannot use, and joint sampling."""

import pytest
import torch
from pydantic import ValidationError
from torch.distributions import Cauchy, Independent, Normal, Uniform

import methods
import tasks
from methods.exact_score import method as sampler

NAMES = ["exact_score", "exact_score_net"]


def simulations(size=50):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(size, 2, generator=generator), torch.randn(size, 3, generator=generator)


def spoilt(which, column, value):
    parts = dict(zip(("theta", "x"), simulations(), strict=True))
    parts[which][:, column] = value
    return parts


@pytest.mark.parametrize("name", [*NAMES, "denoiser", "one_pass"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (dict(zip(("theta", "x"), simulations(1), strict=True)), "1 simulations: a .* needs at least"),
        (spoilt("x", 1, torch.nan), "x: 50 of 50 rows are not finite"),
        (spoilt("theta", 0, torch.inf), "theta: 50 of 50 rows are not finite"),
        (spoilt("theta", 1, 2.0), "theta: column 1 is constant"),
        (spoilt("x", slice(None), 2.0), "x: all columns are constant"),
    ],
)
def test_simulations_that_cannot_be_used_are_one_clear_error(name, data, message):
    with pytest.raises(ValueError, match=message):
        methods.get(name).fit(tasks.get("two_moons").prior(), **data)


def test_one_constant_column_of_x_does_no_harm():
    posterior = methods.get("exact_score").fit(tasks.get("two_moons").prior(), **spoilt("x", 2, 7.0))
    assert posterior.sample((5,), x=torch.tensor([[0.0, 0.0, 7.0]])).isfinite().all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bandwidth", [0.0, -0.1])
def test_bandwidths_must_be_positive(name, bandwidth):
    with pytest.raises((ValidationError, methods.SpecError), match="greater than 0"):
        methods.get(f"{name}[bandwidth=manual,theta_bandwidth={bandwidth},x_bandwidth=0.1]")


def test_observations_are_carried_together(monkeypatch):
    """One ODE is solved for all, in parts that fit; its samples are those of each noise vector alone."""
    theta, x = simulations()
    prior = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    posterior = methods.get("exact_score[steps=10]").fit(prior, theta, x)
    calls = []
    real = sampler.solve
    monkeypatch.setattr(sampler, "solve", lambda *args: calls.append(args) or real(*args))
    torch.manual_seed(0)
    together = posterior.sample_batched((4,), x=x[:7])
    assert len(calls) == 1
    torch.manual_seed(0)
    z = torch.randn(4, 7, 2)
    for k in range(7):
        alone = posterior.scale_theta.inverse(posterior.flow(z[:, k], posterior.encode_x(x[k : k + 1])))
        torch.testing.assert_close(together[:, k], alone, rtol=1e-4, atol=1e-4)
    monkeypatch.setattr(sampler, "KEYS", 2 * len(theta))
    monkeypatch.setattr(sampler, "BATCH", 6)
    torch.manual_seed(0)
    torch.testing.assert_close(posterior.sample_batched((4,), x=x[:7]), together, rtol=1e-4, atol=1e-4)
    assert len(calls) > 9


SHORT = {
    "exact_score": "exact_score[steps=10]",
    "exact_score_net": "exact_score_net[steps=10,num_labels=2000,training_steps=200,width=32,depth=2]",
    "rejection_abc": "rejection_abc[num_accepted=40]",
}
BOX = Independent(Uniform(torch.zeros(2), torch.ones(2)), 1)
CORNERS = torch.tensor([[0.0, 1.0], [0.5, 0.5], [0.0, 0.5], [1.0, 1.0]])


def at_the_edge(name, prior=BOX):
    """Return a posterior for two fractions that are observed with a noise of 0.1."""
    torch.manual_seed(0)
    theta = BOX.sample((400,))
    return methods.get(SHORT[name]).fit(prior, theta, theta + 0.1 * torch.randn(400, 2))


@pytest.mark.parametrize("name", SHORT)
def test_no_draw_is_outside_the_prior(name):
    """Before, more than half of the draws were outside where the observation was at a corner of the prior."""
    posterior = at_the_edge(name)
    raw = posterior.without_rejection()
    torch.manual_seed(1)
    plain, plain_nfe = raw.sample_batched((100,), x=CORNERS), raw.nfe
    torch.manual_seed(1)
    theta = posterior.sample_batched((100,), x=CORNERS)
    assert BOX.support.check(theta).all()
    # Of kernels near a corner at most nine tenths are inside, so all of 100 draws once in 40 000 times.
    was_inside = BOX.support.check(plain)
    assert not bool(was_inside[:, 0].all())
    assert torch.equal(theta[was_inside], plain[was_inside])
    # New draws are no copies of simulations: no two are equal.
    assert len(theta[:, 0].unique(dim=0)) == 100
    if name != "rejection_abc":
        assert posterior.nfe > plain_nfe


@pytest.mark.parametrize("name", SHORT)
def test_nothing_is_drawn_again_without_bounds(name):
    wide = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    posterior = at_the_edge(name, wide)
    assert posterior.without_rejection() is posterior
    torch.manual_seed(1)
    theta = posterior.sample_batched((50,), x=CORNERS)
    raw = at_the_edge(name).without_rejection()
    torch.manual_seed(1)
    assert torch.equal(raw.sample_batched((50,), x=CORNERS), theta)


@pytest.mark.parametrize("name", ["exact_score", "rejection_abc"])
def test_the_density_is_that_of_the_draws_inside(name):
    """It integrates to one over the prior and is zero outside. Before, a third of it was outside."""
    posterior = at_the_edge(name)
    middle = (torch.arange(200) + 0.5) / 200
    grid = torch.cartesian_prod(middle, middle)
    total = float(posterior.log_prob(grid, CORNERS[:1]).double().exp().mean())
    raw = float(posterior.without_rejection().log_prob(grid, CORNERS[:1]).double().exp().mean())
    assert raw < 0.9
    # The share inside is a mean over 10 000 draws.
    assert abs(total - 1.0) < 5.0 * ((1.0 - raw) / raw / 10_000) ** 0.5
    outside = torch.tensor([[-0.01, 0.9], [0.5, 1.01]])
    assert (posterior.log_prob(outside, CORNERS[:1]) == -torch.inf).all()
    assert torch.equal(posterior.log_prob(grid, CORNERS[:1]), posterior.log_prob(grid, CORNERS[:1]))


def test_a_prior_with_heavy_tails_is_learned_from():
    """Before, the far draws of Cauchy's prior forced a kernel wider than the prior's bulk."""
    torch.manual_seed(0)
    prior = Independent(Cauchy(torch.zeros(1), torch.ones(1)), 1)
    theta = prior.sample((1000,))
    posterior = methods.get("exact_score").fit(prior, theta, theta + torch.randn(1000, 1))
    for at in (1.0, 8.0):
        draws = posterior.sample((1000,), x=torch.tensor([[at]]))
        # Half of the posterior is within 0.7 of its median, which is near x; a kernel of 1000 simulations
        # widens it. A kernel of the prior's standard deviation has half of its draws beyond 20.
        assert float((draws - at).abs().median()) < 3.0
    grid = torch.linspace(-100.0, 100.0, 10_001)[:, None]
    total = float(posterior.log_prob(grid, torch.tensor([[1.0]])).double().exp().sum() * 0.02)
    assert abs(total - 1.0) < 1e-3
