"""The task of inferring digits from their class: labels, likelihood and posterior."""

import pytest
import torch
from scipy.stats import chisquare
from torch.nn.functional import one_hot

import tasks
from tasks.digits.label_task import LabelTask

RARE = 1e-4  # probability that a correct result fails, at any seed
NAMES = [name for name in tasks.names() if isinstance(tasks.get(name), LabelTask)]


@pytest.fixture(params=NAMES)
def task(request):
    return tasks.get(request.param)


@pytest.fixture
def theta(task):
    torch.manual_seed(1)
    return task.prior().sample((30,))


def test_labels_are_drawn_from_the_classifiers_probabilities(task, theta):
    unsure = theta[task.classify(task.images(theta)).max(1).values.argmin()]
    probabilities = task.classify(task.images(unsure[None]))[0]
    x = task.simulate(unsure.expand(20_000, -1), seed=3)
    assert torch.equal(x.sum(1), torch.ones(20_000))
    assert set(x.unique().tolist()) == {0.0, 1.0}
    likely = probabilities > 1e-3
    expected = torch.cat([probabilities[likely], probabilities[~likely].sum()[None]])
    counts = x.double().sum(0)
    found = torch.cat([counts[likely], counts[~likely].sum()[None]])
    assert chisquare(found, 20_000 * expected / expected.sum()).pvalue > RARE


def test_the_likelihood_is_the_probability_of_the_label(task, theta):
    labels = torch.cat([task.observation(k) for k in range(1, 11)])
    likelihood = torch.stack([task.log_likelihood(theta.double(), x[None]).exp() for x in labels], 1)
    torch.testing.assert_close(likelihood, task.classify(task.images(theta)))


@pytest.mark.stored_values
def test_every_class_is_seen_once_and_its_truth_is_the_first_draw_that_has_it(task):
    for k in range(1, 11):
        theta, x = task.simulated_truth(k)
        assert int(x.argmax()) == k - 1
        assert torch.equal(task.observation(k), x)
        torch.testing.assert_close(task.true_theta(k), theta)
        assert task.log_likelihood(theta, x) > -10.0


def test_a_label_that_no_draw_has_is_an_error_that_names_it(task, monkeypatch):
    threes = one_hot(torch.tensor([3]), 10).float()
    monkeypatch.setattr(type(task), "simulate", lambda self, theta, seed: threes.expand(len(theta), -1))
    _, x = task.simulated_truth(4)
    assert torch.equal(x, threes)
    with pytest.raises(RuntimeError, match=f"{task.name}: none of 1000 prior draws has the label 7"):
        task.simulated_truth(8)


def test_the_reference_has_the_moments_of_weighted_draws_of_the_prior(task):
    """About a tenth of the prior has a given label, so importance sampling from the prior is accurate."""
    torch.manual_seed(2)
    theta = task.prior().sample((200_000,)).double()
    signal = task.signal(theta)
    for k in (1, 4, 9):
        weights = torch.softmax(task.log_likelihood_of(signal, task.observation(k)), 0)[:, None]
        effective = 1.0 / float((weights**2).sum())
        assert effective > 5000
        mean = (weights * theta).sum(0)
        variance, fourth = ((weights * (theta - mean) ** power).sum(0) for power in (2, 4))
        draws = task.reference_samples(k).double()
        number = 1.0 / effective + 1.0 / len(draws)
        assert ((draws.mean(0) - mean).abs() < 4.5 * (variance * number).sqrt()).all()
        assert ((draws.var(0) - variance).abs() < 4.5 * ((fourth - variance**2) * number).sqrt()).all()


def test_with_two_latents_the_posterior_shows_the_class():
    task = tasks.get("digits_label")
    right = [task.classify(task.images(task.reference_samples(k))).argmax(1) == k - 1 for k in range(1, 11)]
    assert torch.cat(right).double().mean() > 0.95
