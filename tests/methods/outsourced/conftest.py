import pytest
import torch

from methods.outsourced import NoiseProcess, Policy


class Tilted(torch.nn.Module):
    """The exact network for the reward exp(b z), whose posterior is N(b, I)."""

    def __init__(self, b):
        super().__init__()
        self.b = b

    def forward(self, z, level, c):
        return -level.exp().atan().sin() * self.b + 0.0 * z


class Nothing(torch.nn.Module):
    def forward(self, z, level, c):
        return 0.0 * z


@pytest.fixture
def tilted():
    b = torch.tensor([1.0, -0.5])
    return Policy(Tilted(b), Nothing(), NoiseProcess()), b
