import math

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal

from methods.likelihood import GAUSSIAN, KINDS, LearnedLikelihood
from methods.likelihood.columns import Columns, LogColumns
from methods.transforms.encoding import Encoding

PRIOR = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
DESIGN = torch.tensor([[1.0, 0.5], [-0.3, 2.0], [0.2, 0.2]])
COVARIANCE = torch.tensor([[0.20, 0.15, 0.0], [0.15, 0.30, -0.05], [0.0, -0.05, 0.10]])


@pytest.fixture
def untrained(monkeypatch):
    monkeypatch.setattr("methods.likelihood.learned.train", lambda *args, **options: None)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr("methods.likelihood.learned.WIDTH", 16)
    monkeypatch.setattr("methods.likelihood.learned.DEPTH", 1)


def linear(n):
    theta = PRIOR.sample((n,))
    noise = MultivariateNormal(torch.zeros(3), COVARIANCE)
    return theta, theta @ DESIGN.T + noise.sample((n,)), noise


def fitted(theta, x, kinds=KINDS, steps=2, prior=PRIOR, **options):
    held, rest = torch.arange(len(x) // 10), torch.arange(len(x) // 10, len(x))
    return LearnedLikelihood.fit(prior, theta, x, Encoding(x), held, rest, 0, kinds, steps, **options)


def log_density(likelihood, theta, x):
    """In nats, in the units of x."""
    return likelihood.log_prob_of(x, likelihood.coordinates.of_theta(theta)) + likelihood.columns.log_slope(x)


@pytest.mark.usefixtures("untrained")
def test_before_training_it_is_the_linear_model():
    n = 3000
    likelihood = fitted(*linear(n)[:2], kinds=GAUSSIAN)
    assert likelihood.kind == "full"
    theta, x, noise = linear(500)
    exact = noise.log_prob(x - theta @ DESIGN.T)
    found = log_density(likelihood, theta, x)
    # 15 estimated parameters cost 15 / 2n nats on average, and change a value by about (15 / n)^½.
    assert 0 <= float((exact - found).mean()) + 4.5 * (15 / n / 500) ** 0.5 < 4.5 * (15 / n) ** 0.5
    assert float((exact - found).abs().mean()) < 2 * (15 / n) ** 0.5


@pytest.mark.usefixtures("untrained")
def test_the_held_out_density_is_that_of_held_out_simulations():
    theta, x, _ = linear(3001)
    likelihood = fitted(theta, x, kinds=GAUSSIAN)
    held = log_density(likelihood, theta[:300], x[:300]).mean()
    assert likelihood.held_out["full"] == pytest.approx(float(held), rel=1e-5)


@pytest.mark.usefixtures("small")
def test_each_kind_that_is_tried_has_a_name():
    theta, x, _ = linear(200)
    assert set(fitted(theta, x).held_out) == set(KINDS)
    assert set(fitted(theta, x, kinds=GAUSSIAN).held_out) == set(GAUSSIAN)
    found = fitted(theta, (theta + 0.05 * torch.randn(200, 2)).exp()).held_out
    rest = {f"{kind} of logarithms" for kind in KINDS}
    assert set(found) == {"independent"} | rest
    assert all(math.isfinite(value) for value in found.values())


@pytest.mark.usefixtures("untrained")
def test_logarithms_are_chosen_for_noise_in_proportion():
    theta = PRIOR.sample((500,))
    noisy = theta + 0.05 * torch.randn(500, 2)
    assert isinstance(fitted(theta, noisy.exp(), kinds=GAUSSIAN).columns, LogColumns)
    assert isinstance(fitted(theta, noisy, kinds=GAUSSIAN).columns, Columns)
    assert isinstance(fitted(theta, 100.0 + noisy.square(), kinds=GAUSSIAN).columns, Columns | LogColumns)
    assert isinstance(fitted(theta, 20.0 + 3.0 * noisy, kinds=GAUSSIAN).columns, Columns)


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("columns", [1, 31])
def test_one_column_and_many_have_independent_columns(columns):
    theta = PRIOR.sample((200,))
    x = theta[:, :1] + torch.randn(200, columns)
    assert set(fitted(theta, x).held_out) == {"independent"}


@pytest.mark.usefixtures("untrained", "small")
@pytest.mark.parametrize(("n", "members", "number"), [(3000, 3, 3), (3000, 1, 1), (3001, 3, 1)])
def test_few_simulations_have_several_members(n, members, number):
    theta, x, _ = linear(n)
    likelihood = fitted(theta, x, kinds=GAUSSIAN, members=members)
    assert len(likelihood.members) == len(likelihood.networks) == number
    weights = [next(member.parameters()) for member in likelihood.members]
    assert all(not torch.equal(weights[0], other) for other in weights[1:])


@pytest.mark.usefixtures("small")
def test_the_density_of_several_members_is_their_mean():
    theta, x, _ = linear(300)
    likelihood = fitted(theta, x, kinds=GAUSSIAN, steps=40)
    f, columns = likelihood.coordinates.of_theta(theta), likelihood.columns(x)
    r = likelihood.regression(columns, f)
    mean = sum(member.log_prob(r, f).exp() for member in likelihood.members) / 3
    exact = mean.log() - likelihood.regression.scale.log().sum()
    torch.testing.assert_close(likelihood.log_density(columns, f), exact, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("untrained")
def test_chains_and_observations_are_rows_and_columns(monkeypatch):
    theta, x, _ = linear(300)
    likelihood = fitted(theta, x, kinds=GAUSSIAN)
    u, columns = torch.randn(7, 4, 2), likelihood.columns(x[:4])
    together = likelihood.log_likelihood(u, columns)
    assert together.shape == (7, 4)
    for k in range(4):
        alone = likelihood.log_likelihood(u[:, k : k + 1], columns[k : k + 1])[:, 0]
        torch.testing.assert_close(together[:, k], alone, rtol=1e-4, atol=1e-4)
    monkeypatch.setattr("methods.likelihood.learned.ROWS", 9)
    torch.testing.assert_close(likelihood.log_likelihood(u, columns), together, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("small", "untouched_random_state")
def test_a_fit_is_repeatable():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theta, x, _ = linear(200)
    first, again = (fitted(theta, x, kinds=GAUSSIAN, steps=20) for _ in range(2))
    assert first.held_out == again.held_out


@pytest.mark.usefixtures("small")
def test_training_makes_held_out_simulations_likelier():
    theta = PRIOR.sample((600,))
    x = (3.0 * theta).sin() + 0.1 * torch.randn(600, 2)
    before, after = (fitted(theta, x, GAUSSIAN[:1], steps).held_out["independent"] for steps in (2, 400))
    # The residuals of the line are about 7 times the noise: ln 7 nats for each of two columns.
    assert after > before + 1.0


def test_columns_that_are_exact_functions_of_theta_have_a_finite_density():
    theta = PRIOR.sample((200,))
    likelihood = fitted(theta, theta @ DESIGN.T, kinds=GAUSSIAN)
    assert all(math.isfinite(value) for value in likelihood.held_out.values())
