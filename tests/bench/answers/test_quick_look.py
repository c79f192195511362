"""What is found before anything is simulated at length, with the command line around it."""

import pytest
import torch
from click.testing import CliRunner
from torch.distributions import Independent, MultivariateNormal, Uniform

from bench.answers.checked_task import AnswerError
from bench.answers.quick_look import look_at_method, look_at_task
from bench.commands.main import cli
from bench.errors import UsageError
from methods import Method
from tasks import Task

HEAD = """
import torch
from torch.distributions import Independent, Uniform

from methods import Method, Posterior, register_method
from tasks import Task, register_task


@register_task("looked_at_{tag}")
class LookedAt(Task):
    dim_theta, dim_x, num_observations = 2, 2, 1

    def prior(self):
        return Independent(Uniform(torch.zeros(2), torch.ones(2)), 1)

    def simulate(self, theta, seed):
        return theta

"""
BROKEN = {
    "shape": ("    def simulate(self, theta, seed): return theta[0]", "simulate gives (2,), not (3, 2)"),
    "seed": ("    def simulate(self, theta): return theta", "cannot be called as simulate(theta, seed=...)"),
    "prior": ("    prior = Uniform(torch.zeros(2), torch.ones(2))", "prior is of type Uniform, not a method"),
    "dims": ("    dim_theta, dim_x = 3, 5", "3 draws of the prior are (3, 2), not (3, 3)"),
}


@pytest.mark.parametrize("tag", BROKEN)
def test_a_task_that_cannot_be_used_is_refused_before_anything_is_written(tag, tmp_path):
    body, words = BROKEN[tag]
    plugin = tmp_path / f"looked_at_{tag}.py"
    plugin.write_text(HEAD.format(tag=tag) + body + "\n")
    options = (
        f"--plugin {plugin} -t looked_at_{tag} -m prior -n 50 --backend sequential --out {tmp_path / 'out'}"
    )
    result = CliRunner().invoke(cli, ["run", *options.split()], standalone_mode=False)
    assert isinstance(result.exception, UsageError)
    assert words in str(result.exception)
    assert "\n" not in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_in_a_process_of_its_own_too(tmp_path):
    plugin = tmp_path / "looked_at_there.py"
    plugin.write_text(HEAD.format(tag="there") + "    def simulate(self, theta, seed): return theta[:, 0]\n")
    options = f"--plugin {plugin} -t looked_at_there -m prior -n 50 --out {tmp_path / 'out'}"
    result = CliRunner().invoke(cli, ["run", *options.split()], standalone_mode=False)
    assert str(result.exception) == "task looked_at_there: simulate gives (3,), not (3, 2)"
    assert not (tmp_path / "out").exists()


class Looked(Task):
    """Keeps count of the simulations that it makes."""

    name = "looked"
    dim_theta, dim_x, num_observations = 2, 2, 3

    def __init__(self):
        self.rows = 0

    def prior(self):
        return Independent(Uniform(torch.zeros(2), torch.ones(2)), 1)

    def simulate(self, theta, seed):
        self.rows += len(theta)
        return theta


class Unrepeatable(Looked):
    def simulate(self, theta, seed):
        return (
            theta
            + 1e-2 * torch.randn(theta.shape, generator=torch.Generator().manual_seed(self.rows))
            + self.next()
        )

    def next(self):
        self.rows += 1
        return self.rows


class Raising(Looked):
    def simulate(self, theta, seed):
        raise ConnectionError("no licence at the moment")


class Flat(Looked):
    def reference_samples(self, num_observation):
        return torch.zeros(100)


class Outside(Looked):
    def reference_samples(self, num_observation):
        return torch.tensor([[0.5, 0.5], [0.5, 1.5]])


def test_it_takes_few_simulations():
    task = Looked()
    assert look_at_task(task, (1, 2, 3)) == []
    assert task.rows <= 10


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (Unrepeatable, "the same seed gives different x"),
        (Flat, r"reference_samples(1) gives (100,), not (N, 2); rows are scored without a reference"),
        (Outside, "1 of 2 rows of reference_samples(1) are outside the prior"),
    ],
)
def test_what_can_be_used_all_the_same_gives_a_warning(task, words):
    [line] = look_at_task(task(), (1,))
    assert words in line


def test_a_simulator_that_raises_is_left_to_its_cells():
    assert look_at_task(Raising(), (1,)) == []


class Short(Method):
    name = "short"

    def fit(self, prior, theta, x):
        raise AssertionError("never called")


def test_a_method_that_cannot_be_called_is_refused():
    with pytest.raises(AnswerError, match="method short: cannot be called as fit"):
        look_at_method(Short())


def test_tied_parameters_are_said():
    class Tied(Looked):
        name = "tied"

        def prior(self):
            centre = torch.eye(2) - 0.5
            base = MultivariateNormal(torch.zeros(2), torch.eye(2))

            class Centred(MultivariateNormal):
                def sample(self, shape):
                    return base.sample(shape) @ centre

            return Centred(torch.zeros(2), torch.eye(2))

    assert look_at_task(Looked(), [1]) == []
    [line] = look_at_task(Tied(), [1])
    assert "singular (rank 1 of 2)" in line
