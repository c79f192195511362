import numpy as np
import pytest
import torch
from scipy.stats import kstest, multivariate_t, t

from tasks.closed_form.student_t_mixture import DELTA, DF, StudentTMixture10x10, StudentTMixture15x5, TMixture

TASKS = [StudentTMixture15x5(), StudentTMixture10x10()]
LEVELS = torch.tensor([0.01, 0.3, 0.5, 0.98], dtype=torch.float64)
RARE = 1e-4  # probability that a correct result fails, at any seed


def seeded(law, shape, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return law.sample(shape)


def scipy_mixture(values, loc):
    """Log density of an equal mixture of components of unit scale at ±loc, by scipy in float64."""
    parts = [multivariate_t(sign * loc, np.eye(len(loc)), df=DF).logpdf(values) for sign in (1, -1)]
    return np.logaddexp(*parts) - np.log(2)


@pytest.fixture(params=TASKS, ids=["15_5", "10_10"])
def task(request):
    return request.param


@pytest.fixture
def pairs(task):
    theta = seeded(task.prior(), (200,)).double()
    return theta, task.simulate(theta.float(), seed=1).double()


def test_the_prior_is_the_marginal_of_the_joint_mixture(task, pairs):
    theta, _ = pairs
    want = scipy_mixture(theta.numpy(), np.array(DELTA[: task.dim_theta]))
    np.testing.assert_allclose(task.prior().log_prob(theta), want, atol=1e-9)


def test_conditionals_are_joint_minus_marginal(task, pairs):
    theta, x = pairs
    d = task.dim_theta
    joint = scipy_mixture(torch.cat([theta, x], dim=1).numpy(), np.array(DELTA))
    given_theta = joint - scipy_mixture(theta.numpy(), np.array(DELTA[:d]))
    given_x = joint - scipy_mixture(x.numpy(), np.array(DELTA[d:]))
    np.testing.assert_allclose(task.log_likelihood(theta, x), given_theta, atol=1e-9)
    np.testing.assert_allclose(task.log_posterior(theta, x), given_x, atol=1e-9)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_prior_times_likelihood_is_proportional_to_the_posterior(task, k):
    theta, x = seeded(task.prior(), (50,)).double(), task.observation(k).double()
    evidence = task.prior().log_prob(theta) + task.log_likelihood(theta, x) - task.log_posterior(theta, x)
    assert float(evidence.max() - evidence.min()) < 1e-9


def test_observations_are_the_papers(task):
    assert [float(task.observation(k).unique()) for k in (1, 2, 3)] == [0.0, -0.25, 0.25]
    with pytest.raises(ValueError, match="from 1 to 3"):
        task.observation(4)


def test_draws_of_the_prior_and_simulations_have_the_joint_law(task):
    # Projected on the line between the centres, theta and x together are a mixture of univariate t.
    theta = seeded(task.prior(), (50_000,))
    both = torch.cat([theta, task.simulate(theta, seed=2)], dim=1).double()
    delta = torch.tensor(DELTA, dtype=torch.float64)
    along = (both @ delta / delta.norm()).numpy()
    far = float(delta.norm())

    def cdf(values):
        return 0.5 * (t.cdf(values, DF, loc=far) + t.cdf(values, DF, loc=-far))

    assert kstest(along, cdf).pvalue > RARE
    # For a multivariate t, the squared radius about a centre is D · F(D, nu), with mean D nu / (nu - 2).
    squared = torch.minimum((both - delta).square().sum(1), (both + delta).square().sum(1))
    assert abs(float(squared.mean()) / (20 * DF / (DF - 2)) - 1) < 0.03


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_reference_has_exact_moments_and_marginals(task, k):
    draws, exact = task.reference_samples(k).double(), task.exact_posterior(k)
    assert float(((draws.mean(0) - exact.mean) / (exact.variance / 10_000).sqrt()).abs().max()) < 4.5
    assert float((draws.var(0) / exact.variance - 1).abs().max()) < 0.1
    weights, scale = exact.logits.exp().numpy(), exact.squared_scale.sqrt().numpy()

    def cdf(values):
        loc = exact.loc[:, 0].numpy()
        components = zip(weights, loc, scale, strict=True)
        return sum(w * t.cdf(values, exact.df, loc=m, scale=s) for w, m, s in components)

    assert kstest(draws[:, 0].numpy(), cdf).pvalue > RARE
    quantiles = task.marginal_quantiles(k, LEVELS)
    np.testing.assert_allclose(cdf(quantiles[:, 0].numpy()), LEVELS, atol=1e-10)


def test_a_projection_has_the_law_of_projected_draws(task):
    exact = task.exact_posterior(2)
    direction = torch.linspace(-1.0, 2.0, task.dim_theta)
    line = exact.project(direction)
    along = task.reference_samples(2).double() @ (direction / direction.norm()).double()
    assert abs(float(along.mean() - line.mean)) < 4.5 * float(line.variance / 10_000) ** 0.5
    grid = torch.linspace(-40, 40, 8001, dtype=torch.float64)
    mass = torch.trapezoid(line.log_prob(grid[:, None]).exp(), grid)
    assert abs(float(mass) - 1) < 1e-6
    inside = torch.searchsorted(along.sort().values, line.quantiles(LEVELS)[:, 0]) / len(along)
    torch.testing.assert_close(inside.double(), LEVELS, rtol=0, atol=0.02)


@pytest.mark.usefixtures("untouched_random_state")
def test_everything_drawn_is_seeded(task):
    assert torch.equal(task.reference_samples(1), task.reference_samples(1))
    assert not torch.equal(task.reference_samples(1), task.reference_samples(2))


def test_the_true_theta_is_the_centre_that_x_speaks_for(task):
    assert float(task.true_theta(2).max()) < 0 < float(task.true_theta(3).min())


def test_a_batch_of_mixtures_is_its_rows(task, pairs):
    theta, x = pairs
    laws = task.posterior(x)
    assert laws.batch_shape == (200,)
    assert seeded(laws, (3,)).shape == (3, 200, task.dim_theta)
    torch.testing.assert_close(laws.row(7).log_prob(theta[7]), laws.log_prob(theta)[7])


def test_mean_and_variance_are_those_of_the_draws():
    law = TMixture(
        torch.tensor([0.0, 1.0]), torch.tensor([[-1.0, 0.0], [2.0, 1.0]]), torch.tensor([1.0, 0.3]), 12
    )
    draws = seeded(law, (200_000,)).double()
    torch.testing.assert_close(draws.mean(0), law.mean.double(), rtol=0, atol=0.02)
    torch.testing.assert_close(draws.var(0), law.variance.double(), rtol=0.03, atol=0)
