"""What a faulty task or method gives becomes numbers, or an error row that says what was wanted."""

import json

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Poisson, Uniform

from bench.run.cell import Cell
from bench.run.run_cell import run_cell
from methods import Method, Posterior
from methods.contract import registry as method_registry
from tasks import Task
from tasks.contract import registry as task_registry


class Plain(Task):
    """theta + noise, with a reference."""

    name = "answers_plain"

    dim_theta, dim_x, num_observations = 2, 2, 2

    def prior(self):
        return Independent(Uniform(-torch.ones(2), torch.ones(2)), 1)

    def simulate(self, theta, seed):
        return theta + 0.1 * torch.randn(theta.shape, generator=torch.Generator().manual_seed(seed))

    def reference_samples(self, num_observation):
        return self.observation(num_observation).expand(300, -1) + 0.1 * torch.randn(300, 2)


class Gap(Plain):
    """The second observation has a gap."""

    name = "answers_gap"

    def observation(self, num_observation):
        return torch.tensor([[0.3, 0.2 if num_observation == 1 else torch.nan]])


class FlatReference(Plain):
    """A reference of the wrong shape."""

    name = "answers_flat_reference"

    def reference_samples(self, num_observation):
        return super().reference_samples(num_observation)[:, 0]


class Whole(Plain):
    """Whole-number parameters and a simulator that must not be asked for what no method uses."""

    name = "answers_whole"

    def prior(self):
        return Independent(Poisson(torch.ones(2)), 1)

    def simulate(self, theta, seed):
        if len(theta) > 1:
            raise AssertionError("simulated although the method cannot use it")
        return super().simulate(theta, seed)


class Drawn(Posterior):
    def __init__(self, draws, nfe, num_parameters):
        self.draws, self.nfe, self.num_parameters = draws, nfe, num_parameters

    def sample(self, sample_shape, x):
        return self.draws(torch.zeros(*sample_shape, 2))


KINDS = {
    "tensor": lambda theta: theta,
    "numpy": lambda theta: theta.numpy(),
    "list": lambda theta: theta.tolist(),
    "float64": lambda theta: theta.double(),
    "half": lambda theta: theta.half(),
    "integers": lambda theta: theta.long(),
    "none": lambda theta: None,
    "text": lambda theta: "samples",
    "flat": lambda theta: theta[:, 0],
    "short": lambda theta: theta[:-1],
    "nan": lambda theta: theta * torch.nan,
}
NUMBERS = {
    "plain": (3.0, 7),
    "tensors": (torch.tensor(3.0), torch.tensor(7)),
    "numpy": (np.float32(3.0), np.int64(7)),
    "whole float": (3, 7.0),
    "text": ("three", 7),
    "none": (None, 7),
    "half a parameter": (3.0, 7.5),
    "list": (3.0, [7]),
}
SAID = {
    "none": {},
    "all kinds": {"loss": torch.tensor(0.5), "steps": np.int64(3), "choice": "flow", "worst": float("nan")},
    "list": [1.0],
    "tensor of two": {"losses": torch.ones(2)},
}


class Answers(Method):
    """Gives zeros in some kind."""

    name = "answers"
    version = 2
    kind: str = "tensor"
    numbers: str = "plain"
    said: str = "none"
    fitted: bool = True

    def warm_up(self, device="cpu"):
        pass

    def fit(self, prior, theta, x, device="cpu", seed=0):
        posterior = Drawn(KINDS[self.kind], *NUMBERS[self.numbers])
        posterior.diagnostics = SAID[self.said]
        return posterior if self.fitted else None


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """The classes above are found by name in these tests, and in no other."""
    for cls in (Plain, Gap, FlatReference, Whole):
        monkeypatch.setitem(task_registry._registry._classes, cls.name, cls)
    monkeypatch.setitem(method_registry._registry._classes, Answers.name, Answers)


def row(method, task="answers_plain"):
    [found] = run_cell(Cell(task, method, 50, 0, 20, "cpu", (1,)))
    return found


@pytest.mark.usefixtures("quick_classifiers")
@pytest.mark.parametrize("kind", ["numpy", "list", "float64", "half", "integers"])
def test_samples_of_other_kinds_are_converted(kind):
    found = row(f"answers[kind={kind}]")
    assert found["status"] == "ok", found["error"]
    assert found["samples_sha256"] == row("answers")["samples_sha256"]
    assert found["method_version"] == "2"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("none", "the posterior gives a NoneType, not real numbers"),
        ("text", "the posterior gives a str, not real numbers"),
        ("flat", "the posterior gave samples of shape (20,), not (20, 2)"),
        ("short", "the posterior gave samples of shape (19, 2), not (20, 2)"),
        ("nan", "20 of 20 rows are not finite"),
    ],
)
def test_other_samples_give_an_error_row_that_says_what_was_wanted(kind, words):
    found = row(f"answers[kind={kind}]")
    assert found["status"] == "error"
    assert words in found["error"].strip().splitlines()[-1]


@pytest.mark.usefixtures("quick_classifiers")
@pytest.mark.parametrize("numbers", ["tensors", "numpy", "whole float"])
def test_counts_of_other_kinds_are_converted(numbers):
    found = row(f"answers[numbers={numbers}]")
    assert (found["nfe"], found["num_parameters"]) == (3.0, 7)
    assert (type(found["nfe"]), type(found["num_parameters"])) == (float, int)


@pytest.mark.usefixtures("quick_classifiers")
def test_what_a_fit_says_of_itself_is_a_column():
    assert json.loads(row("answers")["diagnostics"]) == {}
    found = json.loads(row("answers[said=all kinds]")["diagnostics"])
    assert found == {"loss": 0.5, "steps": 3.0, "choice": "flow", "worst": None}


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("answers[said=list]", "diagnostics of its posterior are [1.0], not a mapping"),
        ("answers[said=tensor of two]", "diagnostic 'losses' is tensor([1., 1.]), not a number or a word"),
        ("answers[numbers=text]", "nfe of its posterior is 'three', not a number"),
        ("answers[numbers=none]", "nfe of its posterior is None, not a number"),
        ("answers[numbers=half a parameter]", "num_parameters of its posterior is 7.5, not a whole number"),
        ("answers[numbers=list]", "num_parameters of its posterior is [7], not a whole number"),
        ("answers[fitted=false]", "method answers: fit gives a NoneType, not a Posterior"),
    ],
)
def test_other_counts_give_an_error_row(method, words):
    found = row(method)
    assert found["status"] == "error"
    assert words in found["error"]
    assert found["error"].count("\n") == 0


@pytest.mark.usefixtures("quick_classifiers")
def test_a_bad_observation_fails_alone():
    bad, good = run_cell(Cell("answers_gap", "prior", 50, 0, 20, "cpu", (2, 1)))
    assert (bad["num_observation"], bad["status"]) == (2, "error")
    assert bad["error"].endswith("observation(2): 1 of 2 entries are not finite; the first is entry 1, nan")
    assert (good["num_observation"], good["status"]) == (1, "ok")


def test_nothing_is_simulated_if_every_observation_is_bad():
    [found] = run_cell(Cell("answers_gap", "answers[fitted=false]", 50, 0, 20, "cpu", (2,)))
    assert "not finite" in found["error"]
    assert found["simulate_s"] is found["train_s"] is None


def test_nothing_is_simulated_for_a_method_that_cannot_use_the_prior():
    found = row("npe", "answers_whole")
    assert found["error"] == "PriorError: npe needs continuous parameters, but the prior draws whole numbers"


@pytest.mark.usefixtures("quick_classifiers")
def test_a_wrong_reference_leaves_the_other_metrics():
    found = row("prior", "answers_flat_reference")
    assert found["status"] == "ok"
    assert found["ppc"] > 0
    assert found["c2st"] is None
    reason = json.loads(found["metric_errors"])["reference"]
    assert "reference_samples(1) gives (300,), not (N, 2)" in reason


def test_the_baseline_that_draws_from_a_wrong_reference_says_so():
    found = row("reference", "answers_flat_reference")
    assert found["status"] == "error"
    assert "reference_samples(1) gives (300,), not (N, 2)" in found["error"]
