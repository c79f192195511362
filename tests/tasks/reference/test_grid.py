"""Draws from a grid, compared with known densities."""

import numpy as np
import pytest
from scipy.stats import kstest, norm

from tasks.reference import grid
from tasks.reference.grid import sample_on_grid

SD = np.array([0.001, 0.05, 0.02])
RARE = 1e-4  # probability that a correct result fails, at any seed


def narrow(v):
    """Log density with two modes of shares 0.3 and 0.7 that are 0.001 wide in the first direction."""
    parts = [
        np.log(share) + norm.logpdf(v, [middle, 0.5, 0.4], SD).sum(1)
        for share, middle in ((0.3, 0.2), (0.7, 0.8))
    ]
    return np.logaddexp(*parts)


def test_two_narrow_modes_and_their_evidence():
    run = sample_on_grid(narrow, dim=3, num=10_000, seed=1)
    assert run.draws.shape == (10_000, 3)
    assert run.log_evidence == pytest.approx(0.0, abs=2e-3)
    right = run.draws[:, 0] > 0.5
    assert right.mean() == pytest.approx(0.7, abs=0.02)  # 4.4 standard errors
    assert kstest((run.draws[right, 0] - 0.8) / SD[0], "norm").pvalue > RARE
    for column, middle in ((1, 0.5), (2, 0.4)):
        assert kstest((run.draws[:, column] - middle) / SD[column], "norm").pvalue > RARE


def test_cells_are_cut_where_the_density_varies():
    even = sample_on_grid(lambda v: 0.0 * v[:, 0], dim=3, num=10, seed=0)
    assert even.num_cells == round(grid.START ** (1 / 3)) ** 3
    assert even.acceptance == 1.0
    assert sample_on_grid(narrow, dim=3, num=1000, seed=0).acceptance > 0.3


def test_a_spike_on_a_plain_is_not_missed():
    """A cell whose centre has little mass may contain much, so its halves are evaluated, too."""

    def log_density(v):
        plain = norm.logpdf(v, [0.3, 0.3, 0.3], 0.1).sum(1)
        spike = np.log(0.01) + norm.logpdf(v, [0.9, 0.9, 0.9], [0.002, 0.01, 0.01]).sum(1)
        return np.logaddexp(plain, spike)

    run = sample_on_grid(log_density, dim=3, num=10_000, seed=0)
    assert (run.draws[:, 0] > 0.88).mean() == pytest.approx(0.01, abs=0.0045)  # 4.5 standard errors


def test_the_seed_decides_the_draws_alone():
    first, again, other = (sample_on_grid(narrow, dim=3, num=100, seed=seed) for seed in (1, 1, 2))
    assert (first.draws == again.draws).all()
    assert not (first.draws == other.draws).any()
    assert first.num_evaluations == other.num_evaluations


def test_a_posterior_on_the_edge_stays_inside():
    draws = sample_on_grid(lambda v: -v[:, 0] / 0.01, dim=1, num=5000, seed=0).draws
    assert (draws > 0).all()
    assert kstest(draws[:, 0] / 0.01, "expon").pvalue > RARE


def test_too_large_a_grid_says_so(monkeypatch):
    monkeypatch.setattr(grid, "MOST", 1000)
    with pytest.raises(MemoryError, match="3 dimensions"):
        sample_on_grid(narrow, dim=3, num=10, seed=0)


def test_neighbours_do_not_reach_around_the_corner():
    cells = grid._with_neighbours(np.array([[0, 2]]), 4)
    assert sorted(map(tuple, cells)) == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)]


def test_the_cap_cuts_no_more_mass_than_allowed():
    weights = np.random.default_rng(0).pareto(2.5, 100_000)
    cap = np.exp(grid._cap(np.log(weights)))
    lost = np.maximum(weights - cap, 0.0).sum() / weights.sum()
    assert lost == pytest.approx(grid.CUT, rel=1e-6)
