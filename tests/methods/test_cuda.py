"""Tests that need a GPU; they are skipped on other machines."""

import pytest
import torch

import methods
from methods.contract.counting import Evaluations
from methods.student.replay import Replayed

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
QUICK = {
    "npe": "[max_num_epochs=1]",
    "fmpe": "[max_num_epochs=1]",
    "npse": "[max_num_epochs=1,steps=5]",
    "exact_score_net": "[num_labels=500,training_steps=20]",
    "denoiser": "[training_steps=20,num_emulated=0]",
    "one_pass": "[training_steps=20,num_emulated=0,num_labels=500,student_steps=20,refinement_steps=4]",
    "learned_likelihood": "[training_steps=20,steps=10]",
}


@pytest.mark.parametrize("name", methods.names())
def test_every_method_fits_and_samples_there(name):
    method = methods.get(name + QUICK.get(name, ""))
    torch.manual_seed(0)
    prior = torch.distributions.Independent(torch.distributions.Normal(torch.zeros(2), torch.ones(2)), 1)
    theta = prior.sample((200,))
    x = theta + 0.3 * torch.randn(200, 2)
    posterior = method.fit(prior, theta, x, device="cuda", seed=0)
    if name == "reference":
        return  # it only returns stored reference samples
    samples = posterior.sample((50,), x=x[:1])
    assert samples.shape == (50, 2)
    assert samples.isfinite().all()


@pytest.mark.parametrize("name", ["npe", "fmpe", "npse"])
def test_samples_outside_a_bounded_prior_are_drawn_again_there(name):
    torch.manual_seed(0)
    prior = torch.distributions.Independent(torch.distributions.Uniform(-torch.ones(2), torch.ones(2)), 1)
    theta = prior.sample((200,))
    x = theta + 0.3 * torch.randn(200, 2)
    posterior = methods.get(name + QUICK[name]).fit(prior, theta, x, device="cuda", seed=0)
    samples = posterior.sample_batched((50,), x=x[:5])
    assert samples.shape == (50, 5, 2)
    assert samples.abs().max() <= 1


def test_a_replayed_graph_gives_what_the_work_gives():
    layer = torch.nn.Linear(3, 3, device="cuda")
    replayed = Replayed(lambda z: layer(z) + torch.rand_like(z), Evaluations())
    for seed in (0, 1):
        z = torch.randn(7, 3, device="cuda")
        torch.manual_seed(seed)
        with torch.no_grad():
            expected = layer(z) + torch.rand_like(z)
        torch.manual_seed(seed)
        torch.testing.assert_close(replayed(z), expected)


def test_replays_are_counted():
    """Replays of a graph are counted, although hooks run only while the graph is recorded."""
    layer, count = torch.nn.Linear(3, 3, device="cuda"), Evaluations()
    count.watch(layer)
    replayed = Replayed(layer, count)
    for call in (1, 2, 3):
        replayed(torch.randn(7, 3, device="cuda"))
        assert count.rows == 7 * call
