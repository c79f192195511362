"""Every registered method keeps the contract, on a small linear-Gaussian problem."""

import pytest

import methods
from bench.checks import method_checks
from bench.checks.example import Example

QUICK = {
    "max_num_epochs": 2,
    "training_steps": 20,
    "balance_steps": 2,
    "warmup_steps": 1,
    "num_chains": 10,
    "num_labels": 200,
    "num_emulated": 300,
    "student_steps": 20,
    "num_accepted": 20,
    "steps": 10,
    "num_prior_draws": 200,
}
SLOW = {"nle", "nre"}  # Markov chains
DENSITIES = {"denoiser", "exact_score", "fmpe", "inflationary", "npe", "npse", "prior", "rejection_abc"}
# Checks that do not apply to a method; to all others every check must apply.
NOT_APPLICABLE = {("reference", "batched")} | {
    (name, "density") for name in methods.names() if name not in DENSITIES
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
    "denoiser[refinement_steps=3]": None,
    "one_pass[refinement_steps=3]": None,
    "learned_likelihood": None,
    "inflationary[solver=euler]": 10,
    "inflationary[solver=dopri5]": None,
    "inflationary[keep=2]": 20 + 20 / 20,
    "outsourced[reward=likelihood]": 4 * (2 * 10 + 1),
    "outsourced[candidates=1,balance_steps=0]": 2 * 10,
    "outsourced[distilled=true,balance_steps=0]": 1,
    f"npe[{RAW}]": 1,
    f"npe[density_estimator=maf,{RAW}]": 2,
    f"npe[density_estimator=made,{RAW}]": None,
    f"npe[density_estimator=mdn,{RAW}]": 1 / 20,
    f"npse[sample_with=ode,{RAW}]": None,
    "nle[density_estimator=maf]": None,
}


def quick(spec):
    """The method, as small as it can be where the specification does not say otherwise."""
    method = methods.get(spec)
    small = {key: value for key, value in QUICK.items() if key in type(method).model_fields}
    return type(method)(**small | method.model_dump(exclude_unset=True))


@pytest.fixture(autouse=True, scope="module")
def _small_likelihood():
    """A small learned likelihood. No parameter sets its size, and every denoiser tries it as a base."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("methods.likelihood.learned.WIDTH", 16)
        patch.setattr("methods.likelihood.learned.DEPTH", 1)
        patch.setattr("methods.likelihood.laplace.STEPS", 3)
        yield


# With fewer steps the density of an inflationary flow integrates to 1.07. Chains through one network take a
# third of the time that they take through the five of nle's default, which is among the variants.
SPECS = {name: name for name in methods.names()} | {
    "inflationary": "inflationary[steps=40]",
    "nle": "nle[density_estimator=made]",
}
EXAMPLES = {name: Example(quick(spec)) for name, spec in SPECS.items()}
NAMES = [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in EXAMPLES]


@pytest.mark.parametrize(
    ("name", "check"),
    [
        pytest.param(name, check, id=f"{name}-{check}", marks=[pytest.mark.slow] if name in SLOW else [])
        for name, example in EXAMPLES.items()
        for check in method_checks(example)
    ],
)
def test_every_method_keeps_the_contract(name, check):
    finding = check.find()
    if finding.detail and check.name == "cuda":
        pytest.skip(finding.detail)
    assert finding.problem is None
    assert bool(finding.detail) == ((name, check.name) in NOT_APPLICABLE), finding


@pytest.mark.parametrize("name", NAMES)
def test_all_but_three_methods_evaluate_something(name):
    evaluates = name not in ("prior", "reference", "rejection_abc")
    assert (EXAMPLES[name].single.nfe > 0) == evaluates


@pytest.mark.parametrize("name", NAMES)
def test_all_methods_stay_inside_the_prior(name):
    assert EXAMPLES[name].outside[0] == 0


@pytest.fixture(scope="module")
def short_summary():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("methods.exact_score.summary.STEPS", 20)
        yield


@pytest.mark.usefixtures("short_summary")
@pytest.mark.parametrize(
    "spec",
    [pytest.param(spec, marks=[pytest.mark.slow] if spec.startswith("nle") else []) for spec in VARIANTS],
)
def test_variants_count_what_they_evaluate(spec):
    example = Example(quick(spec), num_samples=20)
    drawn = example.single
    assert drawn.nfe == pytest.approx(drawn.rows / 20)
    raw = example.posterior.without_rejection()
    if raw is not example.posterior:  # Draws outside the prior cost more evaluations.
        assert drawn.nfe >= example.draw(raw, example.x_o[1:]).nfe
        drawn = example.draw(raw, example.x_o[1:])
    if VARIANTS[spec] is not None:
        assert drawn.nfe == pytest.approx(VARIANTS[spec])
    ran = sum(drawn.seen.parameters.values())
    if spec.startswith("n"):  # sbi's flows have parameters that no module's call shows
        assert example.posterior.num_parameters >= ran > 0
    else:
        assert example.posterior.num_parameters == ran
