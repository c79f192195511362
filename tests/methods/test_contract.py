"""Every registered method keeps the contract, on a small linear-Gaussian problem."""

from functools import cache
from types import SimpleNamespace

import pytest
import torch
from torch.distributions import Independent, Normal, Uniform

import methods
from methods.baselines.method import HeldOutDraws
from methods.sbi.posteriors import SbiTraining

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
# What evaluates in another way than its method's defaults, with the evaluations for each of 20 samples.
RAW = "reject_outside_prior=false"
VARIANTS = {
    "exact_score[solver=heun]": 20,
    "exact_score[solver=euler]": 10,
    "exact_score[summary=posterior_mean]": 10 + 1 / 20,
    "exact_score_net[summary=posterior_mean]": 1 + 1 / 20,
    "denoiser[num_emulated=0,solver=heun]": None,
    "one_pass[num_emulated=0,passes=2]": None,
    "inflationary[solver=euler]": 10,
    "inflationary[solver=dopri5]": None,
    "inflationary[keep=2]": 20 + 20 / 20,
    "outsourced[reward=likelihood]": 4 * (2 * 10 + 1),
    "outsourced[candidates=1,balance_steps=0]": 2 * 10,
    "outsourced[distilled=true,balance_steps=0]": 1,
    f"npe[{RAW}]": 1,
    f"npe[density_estimator=maf,{RAW}]": 3,
    f"npe[density_estimator=made,{RAW}]": None,
    f"npe[density_estimator=mdn,{RAW}]": 1 / 20,
    f"npse[sample_with=ode,{RAW}]": None,
}
PRIOR = Independent(Uniform(-2 * torch.ones(3), 2 * torch.ones(3)), 1)
NUM = 20


@cache
def simulations():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theta = PRIOR.sample((200,))
        x = torch.cat([theta[:, :2], theta.sum(1, keepdim=True), torch.zeros(200, 1)], dim=1)
        return theta, x + 0.3 * torch.randn(200, 4) * torch.tensor([1.0, 1.0, 1.0, 0.1])


def quick(spec):
    """The method, as small as it can be where the specification does not say otherwise."""
    method = methods.get(spec)
    small = {key: value for key, value in QUICK.items() if key in type(method).model_fields}
    return type(method)(**small | method.model_dump(exclude_defaults=True))


def fit(method, seed=1):
    return method.fit(PRIOR, *simulations(), seed=seed)


def draw(posterior, n=NUM, seed=5):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return posterior.sample((n,), x=simulations()[1][:1])


@pytest.fixture(scope="module", params=methods.names())
def method(request):
    return quick(request.param)


@pytest.fixture(scope="module")
def short_summary():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("methods.exact_score.summary.STEPS", 20)
        yield


@pytest.fixture(scope="module")
def sampled(method, observe):
    """Each method fitted once and sampled once, with what ran meanwhile."""
    return sample(method, observe)


def sample(method, observe):
    likelihood = SimpleNamespace(rows=0)

    def log_likelihood(theta, x):
        likelihood.rows += len(theta)
        return Normal(theta[:, :2], 0.3).log_prob(x[:, :2]).sum(1)

    posterior = fit(method.with_likelihood(log_likelihood))
    if isinstance(posterior, HeldOutDraws):
        for row in simulations()[1][:2]:
            posterior.hold(row[None], simulations()[0])
    likelihood.rows = 0
    with observe() as seen:
        theta = draw(posterior)
    evaluations = seen.evaluations + likelihood.rows
    if isinstance(method, SbiTraining):
        evaluations = passes(posterior, seen)
    return SimpleNamespace(posterior=posterior, theta=theta, nfe=posterior.nfe, seen=seen, rows=evaluations)


def passes(posterior, seen):
    """Rows through sbi's estimator: those of its last layer, or the mean over a flow's conditioners."""
    inner = posterior._posterior
    estimator = next(
        part
        for holder in (inner, inner.potential_fn)
        for name in (
            "vector_field_estimator",
            "posterior_estimator",
            "likelihood_estimator",
            "ratio_estimator",
        )
        if isinstance(part := getattr(holder, name, None), torch.nn.Module)
    )
    named = dict(estimator.named_modules())
    last = [part for name, part in named.items() if name.endswith((".final_layer", "._logits_layer"))]
    if not last:
        last = [part for name, part in named.items() if isinstance(part, torch.nn.Linear)][-1:]
    return sum(seen.linear[layer] for layer in last) / len(last)


def test_the_class_says_what_it_is(method):
    assert method.name in methods.names()
    assert method.version
    assert (type(method).__doc__ or "").strip()
    assert isinstance(method.amortized, bool)


def test_spec_names_the_same_method(method):
    assert methods.get(method.spec) == method


def test_samples(sampled):
    theta = sampled.theta
    assert theta.shape == (NUM, 3)
    assert theta.dtype == torch.float32
    assert theta.isfinite().all()
    assert not theta.requires_grad
    assert torch.equal(theta, draw(sampled.posterior))


def test_samples_for_several_observations(sampled):
    theta = sampled.posterior.sample_batched((7,), x=simulations()[1][:2])
    assert theta.shape == (7, 2, 3)
    assert theta.isfinite().all()


def test_evaluations_are_those_that_were_made(sampled, method):
    assert sampled.nfe == pytest.approx(sampled.rows / NUM)
    evaluates = method.name not in ("prior", "reference", "rejection_abc")
    assert (sampled.nfe > 0) == evaluates


def test_parameters_are_those_of_all_that_ran(sampled, method):
    ran = sum(sampled.seen.parameters.values())
    if isinstance(method, SbiTraining):  # sbi's flows have parameters that no module's call shows
        assert sampled.posterior.num_parameters >= ran > 0
    else:
        assert sampled.posterior.num_parameters == ran


@pytest.mark.usefixtures("short_summary")
@pytest.mark.parametrize("spec", VARIANTS)
def test_variants_count_what_they_evaluate(spec, observe, recwarn):
    found = sample(quick(spec), observe)
    assert found.nfe == pytest.approx(found.rows / NUM)
    if VARIANTS[spec] is not None:
        assert found.nfe == pytest.approx(VARIANTS[spec])
    if not spec.startswith("np"):
        assert found.posterior.num_parameters == sum(found.seen.parameters.values())


@pytest.mark.usefixtures("untouched_random_state")
def test_fitting_is_deterministic_and_leaves_the_random_state(method, sampled, recwarn):
    if isinstance(sampled.posterior, HeldOutDraws):
        pytest.skip("holds draws, fits nothing")
    assert torch.equal(sampled.theta, draw(fit(method)))


def test_the_density_is_one_of_theta(sampled):
    theta, x = simulations()
    try:
        log_p = sampled.posterior.log_prob(theta[:5], x=x[:1])
    except NotImplementedError:
        pytest.skip("has no density")
    assert log_p.shape == (5,)
    assert log_p.isfinite().all()


def test_an_unknown_parameter_is_refused(method):
    with pytest.raises(methods.SpecError, match="unknown parameter 'nonsense'"):
        methods.get(f"{method.name}[nonsense=1]")
