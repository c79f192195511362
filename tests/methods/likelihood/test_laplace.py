import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Uniform

from methods.likelihood import GAUSSIAN, LearnedLikelihood
from methods.likelihood.laplace import Laplace
from methods.transforms.encoding import Encoding

DESIGN = torch.tensor([[1.0, 0.5], [-0.3, 2.0], [0.2, 0.2]])
COVARIANCE = torch.tensor([[0.20, 0.15, 0.0], [0.15, 0.30, -0.05], [0.0, -0.05, 0.10]])
PRIOR = MultivariateNormal(torch.tensor([1.0, -1.0]), torch.tensor([[1.0, 0.4], [0.4, 2.0]]))


@pytest.fixture
def untrained(monkeypatch):
    monkeypatch.setattr("methods.likelihood.learned.train", lambda *args, **options: None)


def fitted(prior, theta, x, kinds=GAUSSIAN, steps=2):
    held, rest = torch.arange(len(x) // 10), torch.arange(len(x) // 10, len(x))
    likelihood = LearnedLikelihood.fit(prior, theta, x, Encoding(x), held, rest, 0, kinds, steps)
    for member in likelihood.members:
        member.requires_grad_(False)
    search = Laplace(likelihood, likelihood.coordinates(theta[rest]), likelihood.columns(x[rest]))
    return likelihood, search, rest


@pytest.mark.usefixtures("untrained")
def test_for_a_linear_gaussian_it_is_the_exact_posterior():
    theta = PRIOR.sample((3001,))
    x = theta @ DESIGN.T + MultivariateNormal(torch.zeros(3), COVARIANCE).sample((3001,))
    likelihood, search, rest = fitted(PRIOR, theta, x)
    assert likelihood.kind == "full"
    columns, coordinates = likelihood.columns(x), likelihood.coordinates
    design = torch.cat([theta, torch.ones_like(theta[:, :1])], dim=1).double()[rest]
    weights = torch.linalg.lstsq(design, columns[rest].double()).solution
    slope, intercept = weights[:2].T, weights[2]
    noise = torch.linalg.inv((columns[rest] - design @ weights).T.cov())
    precision = slope.T @ noise @ slope + coordinates.precision
    data = (
        columns[:50] - intercept
    ) @ noise @ slope + coordinates.precision.double() @ coordinates.mean.double()
    found = search(columns[:50])
    # The scales have 1e-4 added, and a search ends at a gain of 1e-3 nats: 0.045 standard deviations.
    torch.testing.assert_close(
        found.factor @ found.factor.mT, precision.float().expand(50, 2, 2), rtol=5e-3, atol=0.05
    )
    away = (found.mode - torch.linalg.solve(precision, data.T).T.float())[:, None] @ found.factor
    assert float(away.norm(dim=-1).max()) < 0.045
    assert not found.disagree.any()


PRIORS = {
    "normal": PRIOR,
    "uniform": Independent(Uniform(torch.tensor([-1.0, -3.0]), torch.tensor([1.0, 2.0])), 1),
}


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)
@pytest.mark.parametrize("kind", GAUSSIAN)
def test_value_and_gradient_are_those_of_the_objective(prior, kind):
    """With random weights, where means, scales and correlations all depend on theta."""
    theta = prior.sample((300,))
    x = theta @ DESIGN.T + 0.3 * torch.randn(300, 3)
    likelihood, search, _ = fitted(prior, theta, x, kinds=dict.fromkeys(("independent", kind)))
    for member in likelihood.members:
        for weights in member.parameters():
            weights += 0.5 * torch.randn_like(weights) / weights.shape[-1] ** 0.5
    columns, coordinates = likelihood.columns(x[:20]), likelihood.coordinates
    u = coordinates(theta[20:40]).requires_grad_()
    f = coordinates.features(u)
    r = likelihood.regression(columns, f)
    log_density = torch.stack([member.log_prob(r, f) for member in likelihood.members]).mean(0)
    deviation = u - coordinates.mean
    objective = 0.5 * (deviation @ coordinates.precision * deviation).sum(1) - log_density
    (exact,) = torch.autograd.grad(objective.sum(), u)
    value, gradient, precision = search._expand(columns, u.detach())
    torch.testing.assert_close(gradient, exact, rtol=1e-3, atol=1e-2)
    torch.testing.assert_close(value - value[0], (objective - objective[0]).detach(), rtol=1e-3, atol=1e-2)
    assert (torch.linalg.eigvalsh(precision) > 0).all()
    torch.testing.assert_close(precision, precision.mT)


@pytest.fixture(scope="module")
def squared():
    """X = theta² + noise of standard deviation 0.05, under a uniform prior."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        prior = Independent(Uniform(-torch.ones(1), torch.ones(1)), 1)
        theta = prior.sample((3001,))
        x = theta.square() + 0.05 * torch.randn(3001, 1)
    return fitted(prior, theta, x, GAUSSIAN[:1], steps=400)[:2]


def test_searches_that_end_at_mirrored_modes_disagree(squared):
    likelihood, search = squared
    found = search(likelihood.columns(torch.full((1, 1), 0.5)), starts=12)
    assert found.disagree.all()
    assert abs(float(likelihood.coordinates.theta(found.mode))) == pytest.approx(0.5**0.5, abs=0.03)


def test_searches_that_end_at_the_same_mode_agree(squared):
    likelihood, search = squared
    assert not search(likelihood.columns(torch.full((1, 1), 0.5)), starts=1).disagree.any()


@pytest.mark.usefixtures("untrained")
def test_data_are_searched_in_parts_and_alone(monkeypatch):
    theta = PRIOR.sample((300,))
    x = theta @ DESIGN.T + 0.3 * torch.randn(300, 3)
    likelihood, search, _ = fitted(PRIOR, theta, x)
    columns = likelihood.columns(x[:9])
    together = search(columns)
    monkeypatch.setattr("methods.likelihood.laplace.ROWS", 8)
    for found, whole in zip(search(columns), together, strict=True):
        torch.testing.assert_close(found, whole, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(search(columns[[8]]).mode, together.mode[[8]], rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("untrained")
def test_other_densities_are_refused():
    theta = PRIOR.sample((200,))
    x = theta @ DESIGN.T + 0.3 * torch.randn(200, 3)
    likelihood, search, _ = fitted(PRIOR, theta, x, kinds=("mixture",))
    with pytest.raises(TypeError, match="MixtureDensity"):
        search(likelihood.columns(x[:2]))
