import pytest
import torch

import methods
import tasks
from methods.exact_score import PosteriorMean
from methods.transforms.standardizer import Standardizer


@pytest.fixture(scope="module")
def linear():
    """Simulations with ten columns of x: theta's two columns plus noise, and eight columns of noise."""
    generator = torch.Generator().manual_seed(0)
    theta = torch.randn(2000, 2, generator=generator)
    x = torch.randn(2000, 10, generator=generator)
    x[:, :2] = theta + 0.5 * x[:, :2]
    return theta, x


def test_it_estimates_the_posterior_mean(linear):
    theta, x = linear
    summary = PosteriorMean.fit(theta, x, seed=0)(x)
    exact = Standardizer.fit(x)(x)[:, :2]  # the posterior mean is proportional to the two columns
    assert summary.shape == (2000, 2)
    assert torch.corrcoef(torch.stack([summary[:, 0], exact[:, 0]]))[0, 1] > 0.97
    torch.testing.assert_close(summary.std(0), torch.ones(2), rtol=1e-3, atol=0)


def test_the_same_seed_gives_the_same_summary_and_the_random_state_is_kept(linear):
    theta, x = (part[:200] for part in linear)
    before = torch.get_rng_state()
    first = PosteriorMean.fit(theta, x, seed=3)(x)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first, PosteriorMean.fit(theta, x, seed=3)(x))


def test_weights_see_the_summary_in_place_of_x(linear):
    theta, x = (part[:1000] for part in linear)
    prior = tasks.get("gaussian_mixture").prior()
    plain, learned = (
        methods.get(spec).fit(prior, theta, x)
        for spec in ("exact_score", "exact_score[summary=posterior_mean]")
    )
    assert plain.flow.kernel.x.shape == (1000, 10)
    assert learned.flow.kernel.x.shape == (1000, 2)
    # The exact posterior at x = 0 is N(0, 0.2 I): the summary's kernel is nearer to its width.
    torch.manual_seed(0)
    widths = [posterior.sample((1000,), x=torch.zeros(1, 10)).std(0) for posterior in (plain, learned)]
    errors = [(width / 0.2**0.5 - 1).abs().max() for width in widths]
    assert errors[1] < 0.5 * errors[0]


def test_the_student_goes_by_the_summary(linear):
    theta, x = (part[:300] for part in linear)
    spec = "exact_score_net[summary=posterior_mean,num_labels=200,training_steps=5,width=8,depth=1]"
    posterior = methods.get(spec).fit(tasks.get("gaussian_mixture").prior(), theta, x)
    assert posterior.students[0].network.mlp[0].in_features == 2 + 2
    assert posterior.sample_batched((3,), x=x[:4]).shape == (3, 4, 2)
