"""The checks of a task find what is wrong with a broken one."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch.distributions import Independent, Uniform

import tasks
from bench.checks import task_checks
from bench.checks.task import CHECKS
from bench.commands.main import cli
from tasks.tools.certified_task import CertifiedTask

GOOD = torch.full((10_000, 1), 0.5)


class Broken(tasks.Task):
    """Nothing wrong with it yet."""

    dim_theta, dim_x = 1, 2
    card = tasks.Card(summary="s", noise="n", reference="r", certificate="c", citation="c")

    def prior(self):
        return Independent(Uniform(torch.zeros(1), torch.ones(1)), 1)

    def simulate(self, theta, seed):
        generator = torch.Generator().manual_seed(seed)
        return theta + torch.randn(len(theta), 2, generator=generator)

    def reference_samples(self, num_observation):
        return GOOD


def flipped(self, theta, x):
    return 100.0 * (theta - x).square().sum(1)


def some_fail(self, theta, seed):
    x = Broken.simulate(self, theta, seed)
    x[::10] = torch.nan if len(theta) == 50 else 0.0
    return x


def draws_from_numpy(self, theta, seed):
    np.random.rand()
    return Broken.simulate(self, theta, seed)


def found(task):
    findings = [check.find() for check in task_checks(task)]
    return {finding.name: finding.problem for finding in findings if finding.problem}


def test_a_task_in_order():
    assert found(Broken()) == {}


@pytest.mark.parametrize(
    ("name", "method", "value", "word"),
    [
        ("simulations", "simulate", lambda self, theta, seed: torch.zeros(len(theta), 3), "(50, 3)"),
        ("seeds", "simulate", lambda self, theta, seed: torch.randn(len(theta), 2), "global random state"),
        ("seeds", "simulate", lambda self, theta, seed: torch.zeros(len(theta), 2), "another seed"),
        ("simulations", "simulate", some_fail, "5 of 50 simulations fail"),
        ("seeds", "simulate", draws_from_numpy, "numpy's global random state"),
        ("prior", "prior", lambda self: Uniform(torch.zeros(1), torch.ones(1)), "event_shape"),
        ("reference", "reference_samples", lambda self, k: torch.full((10_000, 1), 2.0), "outside the prior"),
        ("reference", "reference_samples", lambda self, k: GOOD if k == 1 else None, "observation 2 has no"),
        ("observations", "observation", lambda self, k: torch.zeros(1, 3), "(1, 3)"),
        (
            "observations",
            "observation",
            lambda self, k: torch.zeros(1, 2),
            "only 1 of 10 observations differ",
        ),
        (
            "observations",
            "observation",
            lambda self, k: torch.full((1, 2), float(k)),
            "observation(-1) raises",
        ),
        ("likelihood", "log_likelihood", lambda self, theta, x: torch.zeros(3), "(3,), not (20,)"),
        ("likelihood", "log_likelihood", lambda self, theta, x: torch.zeros(len(x)), "sum to 0 nats"),
        (
            "likelihood",
            "log_likelihood",
            lambda self, theta, x: torch.full((len(x),), torch.nan),
            "not finite",
        ),
        ("likelihood", "log_likelihood", flipped, "other parameters are likelier"),
    ],
)
def test_what_is_broken_is_named(name, method, value, word):
    task = type("Worse", (Broken,), {method: value})()
    assert word in found(task)[name]


def test_a_card_without_certificate_is_not_in_order():
    bare = type("Bare", (Broken,), {"card": tasks.Card(summary="s", noise="n", citation="c")})()
    assert found(bare) == {"certificate": "the card has no certificate"}


def test_a_task_needs_no_reference():
    bare = type("Bare", (Broken,), {"card": tasks.Card(summary="s", noise="n", citation="c")})
    bare.reference_samples = tasks.Task.reference_samples
    findings = [check.find() for check in task_checks(bare())]
    reasons = {finding.name: finding.detail for finding in findings if finding.detail}
    assert reasons == dict.fromkeys(("reference", "certificate"), "the task has no reference posterior")
    assert found(bare()) == {}


def test_the_command_says_what_it_checked():
    result = CliRunner().invoke(cli, ["check", "task", "two_moons"], standalone_mode=False)
    assert result.return_value == 0
    assert [line.split(": ")[1] for line in result.output.splitlines()] == ["ok"] * (
        len(CHECKS) + 1
    )  # and the likelihood


def test_a_check_that_raises_is_a_problem_in_one_line():
    def simulate(self, theta, seed):
        raise SystemExit("several\nlines")

    worse = type("Worse", (Broken,), {"simulate": simulate})()
    assert found(worse)["speed"] == "SystemExit: several lines"


def test_a_reference_that_is_not_made_here_is_refused():
    result = CliRunner().invoke(cli, ["reference", "sir"], standalone_mode=False)
    known = [name for name in tasks.names() if isinstance(tasks.get(name), CertifiedTask)]
    assert {"lorenz63", "digits_label"} < set(known)
    assert str(result.exception).endswith(f"it makes those of {', '.join(known)}")
