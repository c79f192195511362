import math

import pytest
import torch
from torch import nn

import methods
from methods.denoiser.flow import DenoiserFlow
from methods.one_pass.touch_up_student import TouchUpStudent, touch_up_labels
from methods.student import fit_student, student_network

SPREAD = 0.06  # of the student's samples


class Blurred(nn.Module):
    """A student whose samples are three times broader than those of ``narrow``."""

    def forward(self, z, c):
        return c + SPREAD * z


@pytest.fixture
def labels(narrow):
    def made(num):
        x = torch.linspace(0.0, 1.0, num)[:, None]
        return touch_up_labels([Blurred()], DenoiserFlow(narrow), x, 1, 0)

    return made


def test_labels_lead_from_noised_samples_to_what_the_teacher_makes_of_them(labels, narrow):
    made = labels(20_000)  # more than are made at once
    noised, brought_back = made.z - made.x, made.theta - made.x
    assert float(noised.std()) == pytest.approx((math.sin(0.2) ** 2 + SPREAD**2) ** 0.5, rel=0.05)
    assert narrow.spread * 0.9 < float(brought_back.std()) < 0.75 * SPREAD
    assert torch.equal(made.z, labels(20_000).z)


def test_the_student_sharpens_samples(labels):
    trained = fit_student(
        labels(20_000),
        student_network(32, 2, 2),
        standardize=False,
        steps=600,
        batch_size=256,
        learning_rate=6e-3,
        seed=0,
    )
    c = torch.tensor([[0.2], [0.7]])
    before = Blurred()(torch.randn(4000, 2, 1), c)
    with torch.no_grad():
        after = TouchUpStudent(trained)(before, c)
    assert (after.std(0) < 0.75 * before.std(0)).all()
    assert ((after.mean(0) - c).abs() < 0.01).all()


def test_each_pass_is_one_evaluation():
    sizes = "training_steps=4,width=8,depth=1,num_emulated=0,num_labels=60,student_steps=2"
    torch.manual_seed(0)
    prior = torch.distributions.Independent(torch.distributions.Uniform(torch.zeros(2), torch.ones(2)), 1)
    theta = prior.sample((100,))
    x = theta + 0.1 * torch.randn(100, 2)
    drawn = {}
    for passes in (1, 3):
        posterior = methods.get(f"one_pass[{sizes},passes={passes}]").fit(prior, theta, x)
        drawn[passes] = posterior.sample((50,), x=x[:1])
        assert posterior.nfe == passes
        assert prior.support.check(drawn[passes]).all()
