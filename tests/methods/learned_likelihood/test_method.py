import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, Uniform

import methods


@pytest.fixture(autouse=True, scope="module")
def _small_densities():
    """Smaller networks for the likelihood, which take a small part of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("methods.likelihood.learned.WIDTH", 32)
        patch.setattr("methods.likelihood.learned.DEPTH", 2)
        yield


DESIGN = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
PRIOR = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)


def fitted(prior, theta, x, spec="[training_steps=2]"):
    return methods.get("learned_likelihood" + spec).fit(prior, theta, x)


def linear(n):
    theta = PRIOR.sample((n,))
    return theta, theta @ DESIGN.T + 0.5 * torch.randn(n, 2)


def test_samples_of_a_linear_gaussian_are_those_of_the_posterior(monkeypatch):
    monkeypatch.setattr("methods.likelihood.learned.train", lambda *args, **options: None)
    posterior = fitted(PRIOR, *linear(3001))
    assert posterior.likelihood.kind in ("independent", "full", "mixture")
    covariance = torch.linalg.inv(torch.eye(2) + 4 * DESIGN.T @ DESIGN)
    x_o = torch.tensor([[0.7, -0.4]])
    exact = MultivariateNormal(covariance @ (4 * DESIGN.T @ x_o[0]), covariance)
    torch.manual_seed(0)
    drawn = posterior.sample((4000,), x=x_o)
    widest = float(covariance.max())
    # 4.5 standard errors of 3001 simulations for three coefficients of each column, and of 4000 draws.
    torch.testing.assert_close(
        drawn.mean(0), exact.mean, rtol=0, atol=4.5 * (widest * (3 / 3001 + 1 / 4000)) ** 0.5
    )
    torch.testing.assert_close(
        drawn.T.cov(), covariance, rtol=0, atol=4.5 * widest * (2 / 3001 + 2 / 4000) ** 0.5
    )


def test_evaluations_are_those_of_starts_and_steps():
    theta, x = linear(200)
    posterior = fitted(PRIOR, theta, x, "[training_steps=2,steps=7,num_prior_draws=500]")
    posterior.sample((250,), x=x[:1])
    members = len(posterior.likelihood.members)
    assert members == 3
    # All prior draws are evaluated once, and each chain once at its start and once a step.
    assert posterior.nfe == pytest.approx(members * (500 / 250 + 7 + 1))
    posterior.sample((20,), x=x[:1])  # At least 200 chains run.
    assert posterior.nfe == pytest.approx(members * (500 + 200 * 8) / 20)


def test_samples_stay_inside_the_prior():
    prior = Independent(Uniform(-torch.ones(2), torch.ones(2)), 1)
    theta = prior.sample((200,))
    posterior = fitted(prior, theta, theta + 0.2 * torch.randn(200, 2), "[training_steps=2,steps=20]")
    for x_o in ([[1.0, -1.0]], [[5.0, 5.0]]):
        drawn = posterior.sample((300,), x=torch.tensor(x_o))
        assert drawn.shape == (300, 2)
        assert prior.support.check(drawn).all()


def test_an_impossible_observation_still_has_samples():
    theta, x = linear(200)
    drawn = fitted(PRIOR, theta, x, "[training_steps=2,steps=3]").sample((50,), x=torch.full((1, 2), 1e30))
    assert drawn.isfinite().all()


@pytest.mark.slow
def test_samples_have_both_modes():
    prior = Independent(Uniform(-torch.ones(1), torch.ones(1)), 1)
    theta = prior.sample((1000,))
    x = theta.abs() + 0.1 * torch.randn(1000, 1)
    torch.manual_seed(0)
    drawn = fitted(prior, theta, x, "[training_steps=600]").sample((2000,), x=torch.tensor([[0.5]]))
    # About 100 simulations lie within 0.1 of x: 4.5 standard errors of these, as for the denoiser.
    assert float((drawn > 0).float().mean()) == pytest.approx(0.5, abs=4.5 * 0.5 / 100**0.5)
    assert float(drawn.abs().mean()) == pytest.approx(0.5, abs=4.5 * 0.1 / 100**0.5)
    assert float(drawn.abs().std()) == pytest.approx(0.1, abs=4.5 * 0.1 / 200**0.5)


def test_too_few_simulations_are_refused():
    with pytest.raises(ValueError, match="20"):
        fitted(PRIOR, *linear(10))
