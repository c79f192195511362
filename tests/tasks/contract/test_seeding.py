"""Every purpose has random numbers of its own."""

import pytest
import torch

import tasks
from tasks.reference.make import SEED
from tasks.tools.stored_task import STORED_SEEDS, StoredTask

PURPOSES = ("true theta", "observation", "reference")
# Tasks whose true theta, observations and draws are simulated when asked for.
DERIVED = [name for name in tasks.names() if not isinstance(tasks.get(name), StoredTask)]


def seeds():
    """Seed by what it is for; the stored files of all tasks were made with the same."""
    derived = {
        (purpose, name, k): tasks.get(name)._seed(purpose, k)
        for name in DERIVED
        for purpose in PURPOSES
        for k in range(1, tasks.get(name).num_observations + 1)
    }
    stored = {(purpose, k): first + k for purpose, first in STORED_SEEDS.items() for k in range(1, 11)}
    # Runs of the samplers that made the stored draws, see tasks.reference.make.
    samplers = {("sampler", k, run): SEED + 100 * k + run for k in range(1, 11) for run in range(2)}
    return derived | stored | samplers


def test_no_two_purposes_have_the_same_seed():
    found = seeds()
    assert len(found) >= 10 * len(PURPOSES) * 10
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize("name", tasks.names())
def test_every_task_has_one_of_the_two_schemes(name):
    task = tasks.get(name)
    if isinstance(task, StoredTask):
        assert [task._seed(purpose, 3) for purpose in STORED_SEEDS] == [1_000_003, 2_000_003]
        assert task.num_observations <= 10  # as the seeds above are counted
    else:
        assert len({task._seed(purpose, k) for purpose in PURPOSES for k in (1, 2)}) == 6


@pytest.mark.parametrize("name", ["heat_1d", "heat_1d_20", "heat_1d_80"])
def test_noise_truth_and_reference_share_no_normals(name):
    """Each as the standard normals that it was made of."""
    task = tasks.get(name)
    for k in range(1, 11):
        theta = task.true_theta(k)
        noise = (task.observation(k).double() - task.signal(theta))[0] / task.noise_sd
        exact = task.gaussian_posterior(k)
        centred = (task.reference_samples(k).double() - exact.mean).T
        reference = torch.linalg.solve_triangular(exact.scale_tril, centred, upper=False).T.flatten()
        for one, other in ((noise, reference), (theta[0].double(), noise), (theta[0].double(), reference)):
            # Equal ones differ by float32's rounding, magnified by 1 / noise_sd to 1e-5. That five normals
            # come so close by chance has a probability of some 1e-10.
            assert (one[:5] - other[:5]).abs().max() > 1e-2
