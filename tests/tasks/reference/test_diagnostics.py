import pytest
import torch

from tasks.reference.diagnostics import bulk_ess, rank_rhat


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_independent_draws():
    draws = normal(8, 500, 3)
    assert (rank_rhat(draws) < 1.01).all()
    assert ((bulk_ess(draws) / 4000 - 1.0).abs() < 0.15).all()


def test_an_autoregression_has_the_effective_size_of_theory():
    """N draws of an AR(1) process with coefficient a are worth N (1 - a) / (1 + a) independent draws."""
    noise, a = normal(10, 4000, 1), 0.6
    draws = noise.clone()
    for t in range(1, 4000):
        draws[:, t] = a * draws[:, t - 1] + (1 - a**2) ** 0.5 * noise[:, t]
    assert abs(float(bulk_ess(draws)) / (40_000 * (1 - a) / (1 + a)) - 1.0) < 0.15
    assert float(rank_rhat(draws)) < 1.01


def test_chains_in_different_places_or_of_different_widths_are_seen():
    shifted, stretched, drifting = normal(4, 500, 1), normal(4, 500, 1), normal(4, 500, 1)
    shifted[0] += 1.0
    stretched[0] *= 3.0
    drifting += torch.linspace(0.0, 2.0, 500)[:, None]  # the same in all chains: only halves differ
    for draws in (shifted, stretched, drifting):
        assert float(rank_rhat(draws)) > 1.05


def test_ranks_do_not_mind_a_heavy_tail():
    draws = normal(4, 300, 1)
    cauchy = torch.tan(torch.pi * (torch.special.ndtr(draws) - 0.5))
    assert float(bulk_ess(cauchy)) == pytest.approx(float(bulk_ess(draws)))
