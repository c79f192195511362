"""Every registered method keeps the contract, on a small linear-Gaussian problem."""

import pytest
import torch
from torch.distributions import Independent, Uniform

import methods
from methods.baselines import HeldOutDraws
from methods.registry import method_class

QUICK = {
    "max_num_epochs": 2,
    "training_steps": 20,
    "balance_steps": 2,
    "warmup_steps": 5,
    "num_labels": 200,
    "num_emulated": 300,
    "student_steps": 20,
    "num_accepted": 20,
    "steps": 10,
}


@pytest.fixture(scope="module")
def problem():
    prior = Independent(Uniform(-2 * torch.ones(3), 2 * torch.ones(3)), 1)
    torch.manual_seed(0)
    theta = prior.sample((200,))
    x = torch.cat([theta[:, :2], theta.sum(1, keepdim=True), torch.zeros(200, 1)], dim=1)
    return prior, theta, x + 0.3 * torch.randn(200, 4) * torch.tensor([1.0, 1.0, 1.0, 0.1])


@pytest.fixture(params=methods.names())
def method(request):
    cls = method_class(request.param)
    return cls(**{key: value for key, value in QUICK.items() if key in cls.model_fields})


@pytest.fixture
def fitted(method, problem, recwarn):
    prior, theta, x = problem
    posterior = method.fit(prior, theta, x, seed=1)
    if isinstance(posterior, HeldOutDraws):
        for row in x[:2]:
            posterior.hold(row[None], theta)
    return posterior


def draw(posterior, x, n=50, seed=5):
    torch.manual_seed(seed)
    return posterior.sample((n,), x=x)


def test_the_class_says_what_it_is(method):
    assert method.name in methods.names()
    assert method.version
    assert (type(method).__doc__ or "").strip()
    assert isinstance(method.amortized, bool)


def test_spec_names_the_same_method(method):
    assert methods.get(method.spec) == method


def test_samples(fitted, problem):
    x_o = problem[2][:1]
    theta = draw(fitted, x_o)
    assert theta.shape == (50, 3)
    assert theta.dtype == torch.float32
    assert theta.isfinite().all()
    assert not theta.requires_grad
    assert torch.equal(theta, draw(fitted, x_o))


def test_samples_for_several_observations(fitted, problem):
    theta = fitted.sample_batched((7,), x=problem[2][:2])
    assert theta.shape == (7, 2, 3)
    assert theta.isfinite().all()


def test_counts(fitted, problem):
    draw(fitted, problem[2][:1])
    assert fitted.nfe >= 0
    assert fitted.num_parameters >= 0


@pytest.mark.usefixtures("untouched_random_state")
def test_fitting_is_deterministic_and_leaves_the_random_state(method, problem, recwarn):
    prior, theta, x = problem
    posteriors = [method.fit(prior, theta, x, seed=4) for _ in range(2)]
    if isinstance(posteriors[0], HeldOutDraws):
        pytest.skip("holds draws, fits nothing")
    with torch.random.fork_rng():
        first, second = (draw(posterior, x[:1]) for posterior in posteriors)
    assert torch.equal(first, second)


def test_the_density_is_one_of_theta(fitted, problem):
    _, theta, x = problem
    try:
        log_p = fitted.log_prob(theta[:5], x=x[:1])
    except NotImplementedError:
        pytest.skip("has no density")
    assert log_p.shape == (5,)
    assert log_p.isfinite().all()


def test_an_unknown_parameter_is_refused(method):
    with pytest.raises(methods.SpecError, match="unknown parameter 'nonsense'"):
        methods.get(f"{method.name}[nonsense=1]")
