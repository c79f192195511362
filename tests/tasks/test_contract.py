"""Every registered task keeps the contract, and has what a task of the suite must have."""

import pytest

import tasks
from bench.checks import task_checks

# The other checks draw numbers of their own, so they must hold for other numbers too.
ANY_SEED = {"prior", "simulations", "seeds", "likelihood"}
SLOW = {("elliptic_pde", "speed"), ("elliptic_pde_16", "speed")}


def marks(name, check):
    if str(check) not in ANY_SEED:
        yield pytest.mark.stored_values
    if (name, str(check)) in SLOW:
        yield pytest.mark.slow


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{name}-{check}", marks=list(marks(name, check)))
        for name in tasks.names()
        for check in task_checks(name)
    ],
)
def test_every_task_keeps_the_contract(check):
    finding = check.find()
    assert (finding.problem, finding.detail) == (None, "")


@pytest.mark.parametrize("name", tasks.names())
def test_every_task_has_true_parameters_and_a_reference(name):
    task = tasks.get(name)
    for k in range(1, task.num_observations + 1):
        assert task.true_theta(k) is not None
        assert task.reference_samples(k) is not None


@pytest.mark.parametrize("k", [0, 11, -1])
@pytest.mark.parametrize("name", tasks.names())
def test_an_observation_out_of_range_is_named(name, k):
    task = tasks.get(name)
    with pytest.raises(ValueError, match=f"from 1 to {task.num_observations}"):
        task.observation(k)


@pytest.mark.parametrize("name", tasks.names())
def test_every_parameter_has_a_name_of_its_own(name):
    task = tasks.get(name)
    assert len(set(task.parameter_names)) == len(task.parameter_names) == task.dim_theta
    assert all(isinstance(one, str) and one for one in task.parameter_names)
