"""Each fault of a method is found by the check that is meant for it, and by no other."""

import math
import subprocess
import sys
from itertools import count

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import nn

import methods
from bench.checks import method_checks
from bench.checks.method import CHECKS
from bench.commands.main import cli
from methods import Method, Posterior

calls = count()


class Normal(Posterior):
    """A normal distribution of the prior's mean, of a variance that a network gives."""

    num_parameters = 2

    def __init__(self, fault):
        self.fault, self.network = fault, nn.utils.skip_init(nn.Linear, 1, 1)
        nn.init.zeros_(self.network.weight)
        nn.init.zeros_(self.network.bias)

    def sample(self, sample_shape, x):
        theta = self.sample_batched(sample_shape, x)[:, 0]
        if self.fault == "wrong shape":
            return theta[:, :1]
        if self.fault == "raises":
            raise RuntimeError("several\nlines")
        return theta

    def sample_batched(self, sample_shape, x):
        (n,) = sample_shape
        z = torch.randn(n, len(x), 2)
        with torch.set_grad_enabled(self.fault == "gradient"):
            theta = z * self.network(torch.ones(n, len(x), 1)).exp()
        self.nfe = 2.0 if self.fault == "wrong nfe" else 1.0
        if self.fault == "wrong dtype":
            theta = theta.double()
        if self.fault == "not finite":
            theta[3] = torch.nan
        if self.fault == "not deterministic":
            theta = theta + 1e-3 * next(calls)
        if self.fault == "numpy":
            np.random.rand()
        if self.fault == "batched differs" and len(x) > 1:
            theta = 0.03 * theta  # so narrow that few draws show it for any seed
        if self.fault == "batched shape" and len(x) > 1:
            theta = theta.transpose(0, 1)
        if self.fault == "outside":
            theta = 10.0 * theta
        return 0.4 * theta

    def log_prob(self, theta, x):
        if self.fault == "no density":
            return super().log_prob(theta, x)
        log_p = -0.5 * (theta / 0.4).square().sum(1) - math.log(2 * math.pi * 0.16)
        if self.fault == "density per dimension":
            return log_p[:, None]
        return log_p + 0.1 * (self.fault == "wrong log_prob")


class Faulty(Method):
    """A posterior without training, with a fault."""

    fault: str = ""

    def fit(self, prior, theta, x, device="cpu", seed=0):
        if self.fault == "fit raises":
            raise ValueError("no\nfit")
        if self.fault == "global state":
            torch.rand(1)
        if self.fault == "global state of numpy":
            np.random.rand()
        if self.fault == "no posterior":
            return theta
        posterior = Normal(self.fault)
        if self.fault == "fit not deterministic":
            nn.init.constant_(posterior.network.bias, 1e-3 * next(calls))
        if self.fault == "parameters":
            posterior.num_parameters = 3
        return posterior


@pytest.fixture(autouse=True, scope="module")
def _registered():
    """Known while this file's tests run: other tests take every name that there is."""
    classes = methods.contract.registry._registry._classes
    methods.register_method("faulty")(Faulty)
    yield
    del classes["faulty"]


def found(fault, applies=True):
    """Problems by check; or, with ``applies=False``, reasons why a check does not apply."""
    findings = [check.find() for check in method_checks(Faulty(fault=fault)) if check.name != "cuda"]
    if applies:
        return {finding.name: finding.problem for finding in findings if finding.problem}
    return {finding.name: finding.detail for finding in findings if finding.detail}


def test_a_method_in_order():
    assert found("") == {}
    assert found("", applies=False) == {}


@pytest.mark.parametrize(
    ("fault", "name", "words"),
    [
        ("fit raises", "fit", "with a uniform prior: ValueError: no fit"),
        ("no posterior", "fit", "fit gives a Tensor"),
        ("global state", "random state", "fit changes the global random state of torch"),
        ("global state of numpy", "random state", "fit changes the global random state of numpy"),
        ("numpy", "random state", "sampling changes the global random state of numpy"),
        ("wrong shape", "samples", "sample gives (100, 1) of torch.float32, not (100, 2)"),
        ("batched shape", "samples", "sample_batched gives (2, 100, 2)"),
        ("wrong dtype", "samples", "torch.float64"),
        ("not finite", "samples", "1 of 100 samples of sample are not finite"),
        ("gradient", "samples", "require a gradient"),
        ("raises", "samples", "RuntimeError: several lines"),
        ("not deterministic", "seeds", "sampling twice"),
        ("fit not deterministic", "seeds", "two fits"),
        ("batched differs", "batched", "sample_batched and sample differ in theta_"),
        ("wrong nfe", "nfe", "nfe is 2 after sample, which evaluated 1 rows per sample"),
        ("parameters", "parameters", "num_parameters is 3, networks with 2 parameters ran"),
        ("wrong log_prob", "density", "integrates to 1.105, not to 1"),
        ("density per dimension", "density", "log_prob of 5 draws of the prior has shape (5, 1)"),
        ("outside", "bounds", "samples are outside the prior"),
    ],
)
def test_a_fault_is_found_by_its_check_alone(fault, name, words):
    problems = found(fault)
    assert list(problems) == [name]
    assert words in problems[name]


def test_a_method_needs_no_density():
    assert found("no density") == {}
    assert found("no density", applies=False) == {"density": "the method has no density"}


def test_what_needs_a_fit_does_not_apply_without_one():
    without = set(CHECKS) - {"class", "specification", "fit", "cuda"}
    assert found("fit raises", applies=False) == dict.fromkeys(without, "the fit failed")


def test_a_method_that_is_not_registered_is_named():
    class Unknown(Faulty):
        """Not registered."""

    unknown = Unknown()
    type(unknown).name = "unknown"
    problems = {check.name: check.find().problem for check in method_checks(unknown)}
    assert problems["class"] == "no method is registered under the name 'unknown'"


@pytest.mark.usefixtures("untouched_random_state")
def test_checking_leaves_the_random_state_alone():
    before = np.random.get_state()[1].tolist()
    found("global state of numpy")
    found("global state")
    assert np.random.get_state()[1].tolist() == before


FILE = """
import torch
from bench.checks import method_checks
from methods import Method, Posterior, register_method
import pytest


class Narrow(Posterior):
    def __init__(self, dtype):
        self.dtype = dtype

    def sample(self, sample_shape, x):
        return 0.4 * torch.randn(*sample_shape, 2, dtype=self.dtype)


@register_method("narrow")
class MyMethod(Method):
    '''A narrow normal distribution.'''

    double: bool = False

    def fit(self, prior, theta, x, device="cpu", seed=0):
        return Narrow(torch.float64 if self.double else torch.float32)


@pytest.mark.parametrize("check", method_checks("narrow"), ids=str)
def test_my_method(check):
    check()


@pytest.mark.parametrize("check", method_checks("narrow[double=true]"), ids=str)
def test_my_other_method(check):
    check()
"""


@pytest.mark.slow
def test_the_checks_are_tests_in_a_file_of_ones_own(tmp_path):
    (tmp_path / "test_mine.py").write_text(FILE)
    command = [sys.executable, "-m", "pytest", "-q", "-rfs", "-p", "no:cacheprovider", "test_mine.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert "test_mine.py::test_my_other_method[samples] - AssertionError" in result.stdout
    assert "the method has no density" in result.stdout
    assert "1 failed" in result.stdout


@pytest.mark.parametrize(("method", "status"), [("prior", 0), ("faulty[fault=wrong nfe]", 1)])
def test_the_command_says_what_it_checked(method, status):
    result = CliRunner().invoke(cli, ["check", "method", method], standalone_mode=False)
    assert result.return_value == status
    lines = [line.removeprefix(f"{method} ").split(": ")[0] for line in result.output.splitlines()]
    assert lines == list(CHECKS)


def test_the_command_names_the_nearest_method():
    result = CliRunner().invoke(cli, ["check", "method", "rejection_acb"], standalone_mode=False)
    assert isinstance(result.exception, methods.UnknownMethodError)
    assert "did you mean 'rejection_abc'?" in str(result.exception)
