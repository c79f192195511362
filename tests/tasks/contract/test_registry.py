import pytest

import tasks
from tasks import Task, UnknownTaskError, register_task


def test_the_ten_sbibm_tasks_are_there():
    assert set(tasks.names()) >= {
        "bernoulli_glm",
        "bernoulli_glm_raw",
        "gaussian_linear",
        "gaussian_linear_uniform",
        "gaussian_mixture",
        "lotka_volterra",
        "sir",
        "slcp",
        "slcp_distractors",
        "two_moons",
    }


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UnknownTaskError, match="did you mean 'two_moons'"):
        tasks.get("two_mons")


@pytest.mark.parametrize("name", ["../x", "<script>", "Sir", "two moons", ""])
def test_a_name_must_be_plain(name):
    with pytest.raises(ValueError, match="lower-case"):
        register_task(name)


def test_a_taken_name_is_refused():
    with pytest.raises(ValueError, match="taken"):

        @register_task("sir")
        class Other(Task):
            pass

    assert type(tasks.get("sir")).__name__ == "SIR"
