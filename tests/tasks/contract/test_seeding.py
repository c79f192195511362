"""Every purpose has its own stream of random numbers."""

import pytest
import torch

import tasks
from tasks.reference.make import SEED
from tasks.tools.stored_task import STORED_SEEDS, StoredTask

PURPOSES = ("true theta", "observation", "reference")
# Tasks whose true theta, observations and reference draws are not stored but simulated on demand.
DERIVED = [name for name in tasks.names() if not isinstance(tasks.get(name), StoredTask)]


def seeds():
    """Seeds by purpose. The stored files of all tasks were made with the same seeds."""
    derived = {
        (purpose, name, k): tasks.get(name)._seed(purpose, k)
        for name in DERIVED
        for purpose in PURPOSES
        for k in range(1, tasks.get(name).num_observations + 1)
    }
    stored = {(purpose, k): first + k for purpose, first in STORED_SEEDS.items() for k in range(1, 11)}
    # Runs of the samplers that made the stored draws; see tasks.reference.make.
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
        assert task.num_observations <= 10  # the seeds above assume this
    else:
        assert len({task._seed(purpose, k) for purpose in PURPOSES for k in (1, 2)}) == 6


@pytest.mark.parametrize("name", ["heat_1d", "heat_1d_20", "heat_1d_80"])
def test_noise_truth_and_reference_share_no_normals(name):
    """All quantities are compared as the standard normal numbers that they were made from."""
    task = tasks.get(name)
    for k in range(1, 11):
        theta = task.true_theta(k)
        noise = (task.observation(k).double() - task.signal(theta))[0] / task.noise_sd
        exact = task.gaussian_posterior(k)
        centred = (task.reference_samples(k).double() - exact.mean).T
        reference = torch.linalg.solve_triangular(exact.scale_tril, centred, upper=False).T.flatten()
        for one, other in ((noise, reference), (theta[0].double(), noise), (theta[0].double(), reference)):
            # Equal numbers differ by float32's rounding, which 1 / noise_sd magnifies to 1e-5. The
            # probability that five normal numbers agree to this precision by chance is about 1e-10.
            assert (one[:5] - other[:5]).abs().max() > 1e-2
