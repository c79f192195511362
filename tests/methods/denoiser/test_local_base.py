import pytest
import torch
from torch.distributions import Independent, LogNormal, MultivariateNormal, Normal, Uniform

from methods.denoiser import GaussianBase
from methods.denoiser.conditional import ConditionalGaussian
from methods.denoiser.fit import DenoiserSettings, fit_denoiser
from methods.denoiser.local_base import LocalBase, LocalEncoding
from methods.learning.denoising import split
from methods.likelihood.columns import LogColumns
from methods.transforms.encoding import Encoding

PRIOR = Independent(LogNormal(torch.tensor([0.0, 0.5]), torch.tensor([0.6, 0.4])), 1)
NOISE = 0.01


@pytest.fixture(autouse=True, scope="module")
def _small_densities():
    """Smaller networks for the likelihood, which take a small part of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("methods.likelihood.learned.WIDTH", 32)
        patch.setattr("methods.likelihood.learned.DEPTH", 2)
        yield


def positive(n):
    """Three positive columns that are nonlinear in two positive parameters, with noise of one per cent."""
    theta = PRIOR.sample((n,))
    a, b = theta.log().unbind(1)
    x = torch.stack([a + 0.5 * (2 * b).sin(), b + 0.3 * a.square(), a - b + 0.2 * (a * b)], dim=1)
    return theta, (x + NOISE * torch.randn(n, 3)).exp()


def fitted(n=200, steps=30, prior=PRIOR, data=None):
    theta, x = positive(n) if data is None else data
    held, rest = split(n, 0)
    return theta, x, LocalBase.fit(prior, theta, x, Encoding(x), held, rest, 0, steps)


def with_conditional(base, c):
    """The base with a conditional Gaussian of random weights."""
    conditional = ConditionalGaussian(2, c.shape[1], 8, 1).requires_grad_(False)
    for weights in conditional.parameters():
        weights += 0.1 * torch.randn_like(weights)
    return base.on_top(conditional)


@pytest.fixture(scope="module")
def short():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return fitted()


@pytest.fixture(params=[False, True], ids=["plain", "conditional"])
def based(request, short):
    theta, x, base = short
    c = base.encode_x(x)
    return theta, c, with_conditional(base, c) if request.param else base


def test_whitening_is_undone(based):
    theta, c, base = based
    w = base.whiten(theta, c)
    assert w.dtype == torch.float32
    torch.testing.assert_close(base.theta(w, c), theta, rtol=1e-3, atol=1e-4)
    together = base.theta(torch.stack([w, 0.5 * w]), c)
    torch.testing.assert_close(together[1], base.theta(0.5 * w, c))


def test_the_slope_is_that_of_finite_differences(based):
    theta, c, base = based
    theta, c = theta[:40], c[:40]
    step = 1e-3 * theta
    columns = []
    for k in range(2):
        move = torch.zeros_like(theta)
        move[:, k] = step[:, k]
        difference = base.whiten(theta + move, c) - base.whiten(theta - move, c)
        columns.append(difference / (2 * step[:, [k]]))
    exact = torch.stack(columns, dim=2).det().abs().log()
    torch.testing.assert_close(base.log_slope(theta, c), exact, rtol=0.01, atol=0.01)


def test_the_density_is_that_of_the_normal_that_samples_come_from(based):
    theta, c, base = based
    expected = Normal(0.0, 1.0).log_prob(base.whiten(theta, c)).sum(1) + base.log_slope(theta, c)
    torch.testing.assert_close(base.log_density(theta, c), expected, rtol=1e-4, atol=1e-3)


def test_rows_are_independent_of_one_another(short):
    theta, x, base = short
    together = base.encode_x(x[:40])
    for k in (0, 17, 39):
        alone = base.encode_x(x[k : k + 1])
        torch.testing.assert_close(alone[0], together[k], rtol=1e-3, atol=1e-3)
    backwards = base.encode_x(x[:40].flip(0)).flip(0)
    torch.testing.assert_close(backwards, together, rtol=1e-3, atol=1e-3)
    order = torch.randperm(40)
    torch.testing.assert_close(
        base.whiten(theta[:40], together)[order], base.whiten(theta[:40][order], together[order])
    )


def test_the_encoding_holds_the_mode_and_the_precision(short):
    _, x, base = short
    c, plain = base.encode_x(x), base.plain_encoding(x)
    assert c.shape[1] == plain.shape[1] + 2 + 3
    torch.testing.assert_close(c[:, :-5], plain)
    mode, factor = base.encode_x.unpacked(c)
    found = base.encode_x._laplace(base.likelihood.columns(x))
    torch.testing.assert_close(mode, found.mode, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(factor, found.factor, rtol=1e-3, atol=1e-2)
    assert base.encode_x.num_columns == 3
    torch.testing.assert_close(base.encode_x.gaussian(x), base.plain_encoding.gaussian(x))


@pytest.mark.parametrize("logarithms", [False, True])
def test_columns_are_widened_to_the_encoding_of_the_same_x(logarithms):
    theta, x = positive(200)
    x = x if logarithms else x.log()
    _, _, base = fitted(data=(theta, x))
    assert isinstance(base.likelihood.columns, LogColumns) == logarithms
    encode = base.encode_x
    torch.testing.assert_close(encode.widen(encode.gaussian(x)), encode(x), rtol=0.01, atol=0.02)


def test_networks_are_the_ones_that_sampling_runs(short):
    _, x, base = short
    c = base.encode_x(x)
    likelihood = [network for member in base.likelihood.networks for network in member]
    assert base.networks == likelihood
    top = with_conditional(base, c)
    assert top.networks == [*likelihood, top.conditional.mlp]
    assert top.on_top(None).networks == likelihood


def test_on_a_linear_problem_the_base_is_the_posterior(monkeypatch):
    monkeypatch.setattr("methods.likelihood.learned.train", lambda *args, **options: None)
    n, design = 3001, torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    prior = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    theta = prior.sample((n,))
    _, _, base = fitted(n, prior=prior, data=(theta, theta @ design.T + 0.5 * torch.randn(n, 2)))
    covariance = torch.linalg.inv(torch.eye(2) + 4 * design.T @ design)
    x_o = torch.tensor([[0.7, -0.4]])
    exact = MultivariateNormal(covariance @ (4 * design.T @ x_o[0]), covariance)
    drawn = base.theta(torch.randn(20_000, 2), base.encode_x(x_o))
    widest = float(covariance.max())
    # As for the Gaussian base, and the spread comes from 300 held-out simulations.
    torch.testing.assert_close(drawn.mean(0), exact.mean, rtol=0, atol=4.5 * (3 * widest / n) ** 0.5)
    torch.testing.assert_close(drawn.T.cov(), covariance, rtol=0, atol=4.5 * widest * (2 / 300) ** 0.5)


def test_the_spread_is_that_of_held_out_residuals(short):
    theta, x, base = short
    held, _ = split(len(x), 0)
    w = base.whiten(theta[held], base.encode_x(x[held])) * base.spread
    torch.testing.assert_close(base.spread, w.clamp(-4.0, 4.0).square().mean(0).sqrt())


@pytest.mark.slow
def test_it_is_chosen_where_the_posterior_is_narrow():
    theta, x = positive(500)
    fit = fit_denoiser(PRIOR, theta, x, DenoiserSettings(32, 2, 400, 0))
    assert isinstance(fit.base, LocalBase)
    assert isinstance(fit.base.encode_x, LocalEncoding)
    assert fit.base.disagree < 0.5
    # Residuals of a linear regression are far wider than the posterior.
    found = fit.base.log_density(theta[fit.held], fit.base.encode_x(x[fit.held])).mean()
    assert float(found) > GaussianBase.fit(PRIOR, theta, x).log_likelihood + 1.0


@pytest.mark.slow
def test_it_is_not_chosen_for_two_modes():
    prior = Independent(Uniform(-torch.ones(1), torch.ones(1)), 1)
    theta = prior.sample((500,))
    x = theta.square() + 0.05 * torch.randn(500, 1)
    _, _, base = fitted(500, 400, prior, (theta, x))
    assert base.disagree > 0.5  # Near 0 the two modes are one.
    assert isinstance(fit_denoiser(prior, theta, x, DenoiserSettings(32, 2, 400, 0)).base, GaussianBase)


def test_it_is_not_chosen_where_most_searches_disagree_however_likely_it_is(monkeypatch):
    theta, x = positive(200)
    settings = DenoiserSettings(16, 1, 20, 0)
    answers = iter([False, True])  # The trial is not worse, and the base is better.
    monkeypatch.setattr("methods.denoiser.fit.clearly_better", lambda one, other: next(answers))
    monkeypatch.setattr("methods.denoiser.fit.FAR_AHEAD", -torch.inf)
    assert isinstance(fit_denoiser(PRIOR, theta, x, settings).base, LocalBase)
    monkeypatch.setattr("methods.denoiser.fit.SEVERAL", -1.0)
    assert isinstance(fit_denoiser(PRIOR, theta, x, settings).base, GaussianBase)


@pytest.mark.parametrize("better", [GaussianBase, LocalBase])
def test_a_base_that_is_not_far_ahead_is_compared_with_its_networks(better, monkeypatch):
    theta, x = positive(200)
    answers = iter([False, True])
    monkeypatch.setattr("methods.denoiser.fit.clearly_better", lambda one, other: next(answers))
    monkeypatch.setattr("methods.denoiser.fit.FAR_AHEAD", torch.inf)
    monkeypatch.setattr(
        "methods.denoiser.fit._log_density",
        lambda base, network, pairs: torch.full((20,), float(isinstance(base, better))),
    )
    fitted = fit_denoiser(PRIOR, theta, x, DenoiserSettings(16, 1, 20, 0))
    assert isinstance(fitted.base, better)
    assert fitted.log_likelihood == 1.0
