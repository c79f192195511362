import pytest
import torch
from scipy.stats import binom

from methods.denoiser import relevance
from methods.denoiser.relevance import LEVEL, relevant_columns


@pytest.fixture
def _strict(monkeypatch):
    """Sets the level so that noise is taken for relevant at one seed in 10 000 instead of one in 100."""
    monkeypatch.setattr(relevance, "LEVEL", 1e-4)


def drawn(n=1000, num=3):
    torch.manual_seed(0)
    return torch.rand(n, 2) - 0.5, torch.randn(n, num)


@pytest.mark.usefixtures("_strict")
def test_location_scale_and_interaction_are_seen():
    theta, noise = drawn()
    scale = noise[:, :1] * (1.0 + 4.0 * theta[:, :1].abs())
    interaction = 8.0 * theta.prod(dim=1, keepdim=True) + noise[:, 1:2]
    location = theta[:, 1:] + noise[:, 2:]
    x = torch.cat([scale, interaction, location, torch.randn(1000, 20)], dim=1)
    assert relevant_columns(theta, x).tolist() == [True] * 3 + [False] * 20


@pytest.mark.usefixtures("_strict")
def test_noise_that_columns_share_is_relevant_along_a_chain():
    theta, noise = drawn(2000)
    first, second, third = noise.split(1, dim=1)
    x = torch.cat([theta[:, :1] + 0.1 * first, first + 0.5 * second, second, third], dim=1)
    assert relevant_columns(theta, x).tolist() == [True, True, True, False]


@pytest.mark.usefixtures("_strict")
def test_ranks_do_not_mind_heavy_tails_ties_and_constants():
    theta, noise = drawn()
    heavy = theta[:, :1] + 0.1 * noise[:, :1] / noise[:, 1:2]
    tied = (theta[:, 1:] + 0.3 * noise[:, 2:] > 0).float()
    x = torch.cat([heavy, tied, torch.ones(1000, 1), (noise[:, :1] / noise[:, 1:2]).roll(1, 0)], dim=1)
    assert relevant_columns(theta, x).tolist() == [True, True, False, False]


def test_columns_of_noise_are_rarely_taken_in():
    torch.manual_seed(1)
    taken = sum(bool(relevant_columns(torch.rand(300, 2), torch.randn(300, 20)).any()) for _ in range(200))
    # At most two are expected; the probability of more than this is 1 in 10 000.
    assert taken <= binom.isf(1e-4, 200, LEVEL)


@pytest.mark.parametrize("n", [20, 99])
def test_with_few_rows_all_are_relevant(n):
    theta, x = drawn(n)
    assert relevant_columns(theta, x).all()
