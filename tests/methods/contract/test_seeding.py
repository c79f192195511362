"""Every purpose has its own seed, in what runs and in the source code."""

import ast
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch.distributions import Independent, Normal

import methods
from methods.contract import seeding
from tasks.contract.seeding import derive_seed

PRIOR = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
SMALL = {
    "denoiser": "[training_steps=4,width=8,depth=1,num_emulated=50,refinement_steps=2]",
    "exact_score": "[summary=posterior_mean]",
    "exact_score_net": "[summary=posterior_mean,num_labels=50,training_steps=2,width=8]",
    "inflationary": "[training_steps=4,width=8,depth=1,keep=1]",
    "learned_likelihood": "[training_steps=4]",
    "one_pass": "[training_steps=4,width=8,depth=1,num_emulated=50,num_labels=50,student_steps=2,passes=2]",
    "outsourced": "[training_steps=4,balance_steps=2,width=8,depth=1,reward=likelihood,distilled=true,"
    "num_labels=50,student_steps=2]",
    "npe": "[max_num_epochs=1]",
    "fmpe": "[max_num_epochs=1]",
    "npse": "[max_num_epochs=1]",
    "nre": "[max_num_epochs=1]",
    "nle": "[max_num_epochs=1]",
}
# Candidates that are compared share a seed, so that chance does not distinguish them.
COMPARED = {"folds of the base", "landmarks"}
SEEDED = {"manual_seed", "manual_seed_all", "default_rng", "RandomState", "seed"}


def test_the_definition_is_that_of_the_tasks():
    assert seeding.derive_seed("weights", "a", 3) == derive_seed("weights", "a", 3)


@pytest.mark.parametrize("name", methods.names())
def test_no_two_purposes_of_a_fit_share_a_seed(name, monkeypatch, recwarn):
    drawn = []

    def recorded(purpose, *parts):
        seed = seeding.derive_seed(purpose, *parts)
        drawn.append(((purpose, *parts), seed))
        return seed

    for module in [
        m for n, m in sys.modules.items() if n.startswith("methods.") and n != "methods.contract.seeding"
    ]:
        if hasattr(module, "derive_seed"):
            monkeypatch.setattr(module, "derive_seed", recorded)
    monkeypatch.setattr("methods.exact_score.summary.STEPS", 2)
    monkeypatch.setattr("methods.likelihood.learned.WIDTH", 8)
    monkeypatch.setattr("methods.likelihood.laplace.STEPS", 2)
    monkeypatch.setattr(
        "methods.denoiser.density._mean_log_density", lambda *args: torch.inf
    )  # all stages run
    torch.manual_seed(0)
    theta = PRIOR.sample((120,))
    x = theta.repeat(1, 2) + 0.3 * torch.randn(120, 4)
    method = methods.get(name + SMALL.get(name, ""))
    method.with_likelihood(lambda theta, x: Normal(theta, 0.3).log_prob(x[:, :2]).sum(1)).fit(
        PRIOR, theta, x, seed=7
    )
    times = Counter(purpose for purpose, _ in drawn if purpose[0] not in COMPARED)
    assert [purpose for purpose, number in times.items() if number > 1] == []
    assert len({seed for _, seed in drawn}) == len({purpose for purpose, _ in drawn})
    assert 7 not in {seed for _, seed in drawn}
    assert (len(drawn) > 0) == (name not in ("prior", "reference", "rejection_abc"))


def test_generators_get_derived_seeds_alone():
    """Every seed of a generator or a scikit-learn estimator is derived where it is given."""
    found = 0
    for file in sorted(Path(methods.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call):
                continue
            given = [word.value for word in node.keywords if word.arg == "random_state"]
            if isinstance(node.func, ast.Attribute) and node.func.attr in SEEDED:
                given += node.args
            for value in given:
                found += 1
                derived = isinstance(value, ast.Call) and ast.unparse(value.func) == "derive_seed"
                assert derived, f"{file}:{node.lineno}: {ast.unparse(node)}"
    assert found > 10
