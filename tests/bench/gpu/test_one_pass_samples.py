import torch

from bench.gpu.measured import Setting
from bench.gpu.one_pass_samples import network_inputs, sampling
from methods.learning.networks import seeded
from methods.student import OnePassPosterior, Student, student_network
from methods.transforms.standardizer import Standardizer


def posterior():
    same = Standardizer.identity(torch.zeros(2, 2))
    network = seeded(lambda: student_network(8, 2, 1)(2, 2), 0)
    students = [Student(network, same, same)]
    return OnePassPosterior(students, 2, lambda x: x + 1.0, lambda theta, c: theta, torch.device("cpu"))


def test_the_inputs_of_the_network():
    own = posterior()
    x = torch.randn(3, 2)
    for _ in range(3):
        z, c = network_inputs(own, x)
        assert z.shape == (1, 3, 2)
        torch.testing.assert_close(c, x + 1.0)


def test_calls_and_the_network_alone_are_timed():
    rows = list(sampling("own", posterior(), torch.zeros(1, 2), (10_000, 1), Setting("cpu", 0.01)))
    assert [row.quantity for row in rows] == ["call", "call, 20 in a row", "network"]
    assert all(row.value > 0.0 and row.sizes == {"samples": 100, "observations": 1} for row in rows)
