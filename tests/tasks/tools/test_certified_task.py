"""Properties of every task whose reference posterior is made here."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

import tasks
from tasks.tools.certified_task import CertifiedTask

NAMES = [name for name in tasks.names() if isinstance(tasks.get(name), CertifiedTask)]


@pytest.fixture(params=NAMES)
def task(request):
    return tasks.get(request.param)


def test_parameters_that_are_not_numbers_give_a_row_of_nan(task):
    torch.manual_seed(1)
    theta = task.prior().sample((30,))
    theta[1] = torch.nan
    x = task.simulate(theta, seed=1)
    assert x[1].isnan().all()
    assert x[[0, 2]].isfinite().all()
    assert task.log_likelihood(theta, task.observation(1))[1] == -torch.inf


def test_true_parameters_are_unremarkable_under_their_posteriors(task):
    """Theta and x are drawn jointly, so the rank of the true theta in its posterior is uniform."""
    ranks = [(task.reference_samples(k) < task.true_theta(k)).float().mean(0).numpy() for k in range(1, 11)]
    assert kstest(np.concatenate(ranks), "uniform").pvalue > 0.01
