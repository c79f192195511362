import pytest
import torch
from scipy.stats import gaussian_kde
from torch.distributions import Independent, Normal

import methods
from methods.rejection_abc.method import kernel_covariance


@pytest.fixture
def problem():
    prior = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    torch.manual_seed(0)
    theta = prior.sample((20_000,))
    return prior, theta, theta + torch.randn(20_000, 2)


def test_prior_is_the_prior(problem):
    samples = methods.get("prior").fit(*problem).sample((5000,), x=problem[2][:1])
    assert samples.mean(0).abs().max() < 4.5 / 5000**0.5
    assert (samples.std(0) - 1).abs().max() < 4.5 / 10_000**0.5


def test_reference_gives_what_it_holds(problem):
    posterior = methods.get("reference").fit(*problem)
    x_o = problem[2][:1]
    with pytest.raises(KeyError):
        posterior.sample((1,), x=x_o)
    posterior.hold(x_o, problem[1][:10])
    assert torch.equal(posterior.sample((4,), x=x_o), problem[1][:4])
    with pytest.raises(ValueError, match="11 reference draws requested, but only 10"):
        posterior.sample((11,), x=x_o)


def test_rejection_abc_finds_the_gaussian_posterior(problem):
    x_o = torch.tensor([[1.0, -1.0]])
    samples = methods.get("rejection_abc[num_accepted=400]").fit(*problem).sample((20_000,), x=x_o)
    # 4.5 standard errors of 400 accepted draws; the kernel alone widens them by 7 %, which is 0.05.
    assert (samples.mean(0) - x_o / 2).abs().max() < 4.5 * (0.5 / 400) ** 0.5
    assert (samples.std(0) - 0.5**0.5).abs().max() < 4.5 * (0.5 / 800) ** 0.5 + 0.05


def test_rejection_abc_without_smoothing_gives_stored_parameters(problem):
    samples = (
        methods.get("rejection_abc[num_accepted=50,kde=false]").fit(*problem).sample((500,), x=problem[2][:1])
    )
    assert len(samples.unique(dim=0)) <= 50


def test_rejection_abc_needs_enough(problem):
    prior, theta, x = problem
    with pytest.raises(ValueError, match="there are only 10 simulations"):
        methods.get("rejection_abc").fit(prior, theta[:10], x[:10])


def test_rejection_abc_draws_for_each_observation_from_its_own_kernel(problem):
    x_o = torch.tensor([[1.0, -1.0], [0.0, 0.5]])
    posterior = methods.get("rejection_abc[num_accepted=50]").fit(*problem)
    torch.manual_seed(0)
    together = posterior.sample_batched((20_000,), x=x_o)
    for k in range(2):
        [accepted] = posterior._theta[posterior._nearest(x_o[k : k + 1])]
        density = gaussian_kde(accepted.double().numpy().T)
        exact = torch.from_numpy(density.covariance)
        torch.testing.assert_close(kernel_covariance(accepted[None])[0], exact)
        covariance = exact + accepted.double().T.cov(correction=0)
        standard_error = (covariance.diagonal() / 20_000).sqrt()
        assert ((together[:, k] - accepted.mean(0)).mean(0).abs() < 4 * standard_error).all()
        ratio = together[:, k].var(0) / covariance.diagonal()
        assert (ratio - 1).abs().max() < 5 * (2 / 20_000) ** 0.5


def test_rejection_abc_looks_for_neighbours_of_all_observations_at_once(problem, monkeypatch):
    posterior = methods.get("rejection_abc").fit(*problem)
    calls = []
    monkeypatch.setattr(torch, "cdist", lambda *a, real=torch.cdist, **k: calls.append(a) or real(*a, **k))
    posterior.sample_batched((3,), x=problem[2][:50])
    assert len(calls) == 1
