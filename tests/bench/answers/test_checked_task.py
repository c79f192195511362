"""What a task answers, in the kinds that people's simulators have."""

import pickle
import random

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Uniform

import tasks
from bench.answers.checked_task import AnswerError, as_floats, checked
from tasks import Task
from tasks.contract.seeding import derive_seed


class Plain(Task):
    """theta + noise, given back in some kind."""

    name = "plain"
    dim_theta, dim_x, num_observations = 2, 2, 3

    def __init__(self, given=lambda x: x):
        self.given = given

    def prior(self):
        return Independent(Uniform(-torch.ones(2), torch.ones(2)), 1)

    def simulate(self, theta, seed):
        noise = torch.randn(theta.shape, generator=torch.Generator().manual_seed(seed))
        return self.given(theta + 0.1 * noise)


def theta(rows=4):
    return torch.linspace(-0.9, 0.9, 2 * rows).reshape(rows, 2)


KINDS = {
    "float64": lambda x: x.double(),
    "numpy": lambda x: x.numpy(),
    "lists": lambda x: x.tolist(),
    "list of tensors": list,
    "gradients": lambda x: x.requires_grad_(),
    "columns first": lambda x: x.T.contiguous().T,
    "sparse": lambda x: x.to_sparse(),
    "masked array": lambda x: np.ma.masked_array(x.numpy(), mask=False),
    "objects": lambda x: x.numpy().astype(object),
    "read only": lambda x: np.broadcast_to(x.numpy(), x.shape),
}


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
@pytest.mark.parametrize("given", KINDS.values(), ids=KINDS)
def test_kinds_of_numbers_are_converted(given):
    wanted = Plain().simulate(theta(), seed=3)
    x = checked(Plain(given)).simulate(theta(), seed=3)
    assert torch.equal(x, wanted)
    assert (x.dtype, x.requires_grad, x.is_contiguous()) == (torch.float32, False, True)


@pytest.mark.parametrize("given", [lambda x: (10 * x).round().long(), lambda x: x > 0, lambda x: x.half()])
def test_integers_booleans_and_half_precision_are_converted(given):
    x = checked(Plain(given)).simulate(theta(), seed=3)
    assert torch.equal(x, given(Plain().simulate(theta(), seed=3)).float())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda x: x[0], r"simulate gives \(2,\), not \(4, 2\)"),
        (lambda x: x[:1], r"simulate gives \(1, 2\), not \(4, 2\)"),
        (lambda x: x[:, None], r"simulate gives \(4, 1, 2\), not \(4, 2\)"),
        (lambda x: torch.cat([x, x], 1), r"simulate gives \(4, 4\), not \(4, 2\)"),
        (lambda x: None, r"simulate gives a NoneType, not real numbers of shape \(4, 2\)"),
        (lambda x: x.to(torch.complex64), "a tensor of torch.complex64, not real numbers"),
        (lambda x: [["a", "b"]] * 4, "simulate gives a list, not real numbers"),
        (lambda x: [[1.0], [1.0, 2.0]], "simulate gives a list, not real numbers"),
    ],
)
def test_other_answers_are_refused_in_one_line(given, words):
    with pytest.raises(AnswerError, match="task plain: .*" + words) as raised:
        checked(Plain(given)).simulate(theta(), seed=3)
    assert "\n" not in str(raised.value)


class InPlace(Plain):
    def simulate(self, theta, seed):
        theta.mul_(2.0)
        return super().simulate(theta.div(2.0), seed)


def test_a_simulator_may_change_its_argument():
    before = theta()
    x = checked(InPlace()).simulate(before, seed=3)
    assert torch.equal(before, theta())
    assert torch.equal(x, Plain().simulate(theta(), seed=3))


def test_a_view_of_a_buffer_that_is_used_again_is_copied():
    buffer = torch.zeros(4, 2)
    task = checked(Plain(lambda x: buffer.copy_(x)))
    first = task.simulate(theta(), seed=1)
    task.simulate(theta(), seed=2)
    assert torch.equal(first, Plain().simulate(theta(), seed=1))


class Unseeded(Plain):
    """Draws from every global random state."""

    def simulate(self, theta, seed):
        noise = torch.randn(theta.shape) + torch.from_numpy(np.random.randn(*theta.shape)).float()
        return theta + noise + random.random()  # noqa: S311  (no secret)


def states():
    return torch.random.get_rng_state().tolist(), pickle.dumps(np.random.get_state()), random.getstate()


def test_global_random_states_follow_the_seed_and_stay_as_they_are():
    before = states()
    one, again, other = (checked(Unseeded()).simulate(theta(), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(checked(Unseeded()).observation(2), checked(Unseeded()).observation(2))
    assert states() == before


def test_the_suites_own_tasks_answer_as_before():
    for name in ("two_moons", "gaussian_linear", "sir"):
        task = tasks.get(name)
        asked = checked(task)
        assert checked(asked) is asked
        assert type(asked.prior()) is type(task.prior())
        draws = task.prior().sample((5,))
        assert torch.equal(asked.simulate(draws, seed=1), task.simulate(draws, seed=1))
        assert torch.equal(asked.observation(1), task.observation(1))
        assert torch.equal(asked.true_theta(1), task.true_theta(1))
        assert torch.equal(asked.reference_samples(1), task.reference_samples(1))
        with pytest.raises(ValueError, match="must be an integer from 1 to"):
            asked.observation(0)


def test_only_a_task_with_a_likelihood_has_one():
    with_it, without = checked(tasks.get("two_moons")), checked(Plain())
    assert type(with_it).log_likelihood is not Task.log_likelihood
    assert type(without).log_likelihood is Task.log_likelihood
    with pytest.raises(NotImplementedError, match="task plain has no tractable likelihood"):
        without.log_likelihood(theta(), theta())
    again = pickle.loads(pickle.dumps(with_it))  # noqa: S301  (made here)
    assert torch.equal(again.observation(1), with_it.observation(1))


class Observed(Plain):
    calls = 0

    def __init__(self, x_o):
        super().__init__()
        self.x_o = x_o

    def observation(self, num_observation):
        self.calls += 1
        return self.x_o

    def reference_samples(self, num_observation):
        return self.x_o


def test_an_observation_is_asked_for_once():
    task = Observed(np.ones((1, 2)))
    asked = checked(task)
    asked.observation(1).zero_()
    assert torch.equal(asked.observation(1), torch.ones(1, 2))
    assert task.calls == 1


@pytest.mark.parametrize(
    ("x_o", "words"),
    [
        ([[0.3, float("nan")]], "1 of 2 entries are not finite; the first is entry 1, nan"),
        ([[float("inf"), 1.0]], "1 of 2 entries are not finite; the first is entry 0, inf"),
        ([0.3, 0.2], r"observation\(1\) gives \(2,\), not \(1, 2\)"),
    ],
)
def test_an_observation_that_cannot_be_used_is_refused(x_o, words):
    with pytest.raises(AnswerError, match=words):
        checked(Observed(x_o)).observation(1)


@pytest.mark.parametrize(
    ("draws", "words"),
    [
        (torch.zeros(2, 50), r"reference_samples\(1\) gives \(2, 50\), not \(N, 2\)"),
        (torch.tensor([[0.0, 0.0], [0.0, torch.nan]]), "1 of 2 rows that are not finite"),
    ],
)
def test_a_reference_that_cannot_be_used_is_refused(draws, words):
    with pytest.raises(AnswerError, match=words):
        checked(Observed(draws)).reference_samples(1)


def test_the_seed_of_a_task_without_observations_of_its_own_is_the_same():
    """Observations are simulated from the seeds that the task itself uses."""
    seed = derive_seed("observation", "plain", 2)
    asked = checked(Plain())
    assert torch.equal(asked.observation(2), Plain().simulate(asked.true_theta(2), seed=seed))


def test_any_shape_is_taken_where_none_is_wanted():
    assert as_floats(5, None, "it").shape == ()


def test_names_of_parameters():
    assert checked(Plain()).parameter_names == ("theta_1", "theta_2")
    assert checked(tasks.get("sir")).parameter_names == ("beta", "gamma")
    for names in (("one",), "ab", [1, 2]):
        odd = type("Odd", (Plain,), {"parameter_names": names})()
        with pytest.raises(AnswerError, match=r"parameter_names is .*, not 2 names"):
            checked(odd).parameter_names  # noqa: B018
