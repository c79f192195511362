"""The replacement of draws outside a prior."""

import pytest
import torch
from torch.distributions import (
    Cauchy,
    Independent,
    LogNormal,
    MultivariateNormal,
    Normal,
    TransformedDistribution,
    Uniform,
    transforms,
)

from methods.contract.inside import HOPELESS, ROUNDS, InsidePrior

BOX = Independent(Uniform(torch.zeros(2), torch.ones(2)), 1)


def never(*_):
    raise AssertionError("nothing should be drawn again")


@pytest.mark.parametrize(
    "prior",
    [
        Independent(Normal(torch.zeros(2), torch.ones(2)), 1),
        MultivariateNormal(torch.zeros(2), torch.eye(2)),
        Independent(Cauchy(torch.zeros(2), torch.ones(2)), 1),
    ],
)
def test_without_bounds_nothing_is_checked_or_drawn_again(prior, monkeypatch):
    inside = InsidePrior(prior, 2)
    assert inside.everywhere
    monkeypatch.setattr(InsidePrior, "__call__", never)
    theta = torch.full((3, 2, 2), torch.nan)
    assert inside.kept(theta, never, never) is theta
    assert inside.log_share(never) == 0.0


@pytest.mark.parametrize(
    "prior",
    [
        BOX,
        [Uniform(0.0, 1.0), Normal(0.5, 1.0)],
        Independent(LogNormal(torch.zeros(2), torch.ones(2)), 1),
        TransformedDistribution(BOX, transforms.AffineTransform(0.0, 1.0)),
    ],
)
def test_bounds_of_any_prior_are_known(prior):
    inside = InsidePrior(prior, 2)
    assert not inside.everywhere
    rows = torch.tensor([[0.5, 0.5], [-0.5, 0.5], [torch.nan, 0.5], [torch.inf, 0.5]])
    assert inside(rows).tolist() == [True, False, False, False]
    assert inside(rows[:, None]).shape == (4, 1)


def test_sbi_joint_prior():
    """It checks each parameter alone."""
    joint = pytest.importorskip("sbi.utils").MultipleIndependent([Uniform(torch.zeros(1), torch.ones(1))] * 2)
    inside = InsidePrior(joint, 2)
    assert inside(torch.tensor([[0.5, 0.5], [0.5, 1.5]])).tolist() == [True, False]


def test_each_observation_receives_draws_of_its_own():
    """Draws for observation k lie at (k + 1) / 10, and only those outside are replaced."""
    torch.manual_seed(0)
    theta = 0.95 * torch.ones(50, 7, 2)
    outside = torch.rand(50, 7) < torch.linspace(0.0, 0.9, 7)
    theta[outside] = -1.0

    def draw(m, rows):
        places = ((rows + 1.0) / 10.0).expand(m, -1)
        return places.where(torch.rand(places.shape) < 0.5, 2.0)[..., None].expand(-1, -1, 2)

    found = InsidePrior(BOX, 2).kept(theta, draw, never)
    expected = torch.where(outside, (torch.arange(7) + 1.0) / 10.0, 0.95)
    assert torch.equal(found, expected[..., None].expand(-1, -1, 2))


def test_rounds_and_draws_are_bounded_and_the_rest_are_centres():
    made = []

    def draw(m, rows):
        made.append(m * len(rows))
        return torch.full((m, len(rows), 2), 2.0)

    found = InsidePrior(BOX, 2).kept(
        torch.full((100, 3, 2), -1.0), draw, lambda m, row: torch.full((m, 2), 0.1 * row)
    )
    assert torch.equal(found, (0.1 * torch.arange(3.0))[:, None].expand(100, 3, 2))
    assert len(made) <= ROUNDS
    assert sum(made) <= 3 * (HOPELESS + 2 * 100)


def test_no_new_draws_where_none_of_a_thousand_is_inside():
    theta = torch.full((HOPELESS, 1, 2), -1.0)
    found = InsidePrior(BOX, 2).kept(theta, never, lambda m, row: torch.full((m, 2), 0.5))
    assert (found == 0.5).all()


def test_a_few_draws_that_are_seldom_inside_are_found():
    """One draw is wanted, and one in forty is inside: the number of draws doubles."""
    torch.manual_seed(0)

    def draw(m, rows):
        return torch.where(torch.rand(m, len(rows), 1) < 0.025, 0.5, 2.0).expand(-1, -1, 2)

    found = InsidePrior(BOX, 2).kept(
        torch.full((1, 200, 2), -1.0), draw, lambda m, row: torch.full((m, 2), 0.1)
    )
    # 64 draws at most in each of 10 rounds, 319 together, of which all are outside with probability 3e-4.
    assert int((found == 0.1).all(-1).sum()) <= 2


def test_the_share_inside_is_the_same_each_time_and_leaves_the_random_state():
    inside = InsidePrior(BOX, 2)

    def draw(m):
        return torch.randn(m, 2)

    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = inside.log_share(draw)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert inside.log_share(draw) == first
    share = 0.3413447**2
    assert abs(torch.tensor(first).exp() - share) < 5.0 * (share * (1 - share) / 10_000) ** 0.5
    assert inside.log_share(lambda m: torch.full((m, 2), -1.0)) == pytest.approx(-9.2103, abs=1e-3)


def test_simulations_of_another_prior_are_one_clear_error():
    with pytest.raises(ValueError, match="none of 5 simulations lies inside the prior"):
        InsidePrior(BOX, 2).check_centres(torch.full((5, 2), 2.0))
