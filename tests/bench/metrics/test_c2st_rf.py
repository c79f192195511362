"""The random-forest C2ST compared with sbi's own function, and on pairs with an obvious result."""

import pytest
import torch

import tasks
from bench.metrics import c2st, c2st_rf, c2st_rf_many
from bench.run.cell import Cell
from bench.run.run_cell import run_cell


def normal(n, dim, seed):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))


def stored_pairs(n):
    """Pairs of ``n`` reference draws each: of one posterior, with one sample blurred, of two posteriors."""
    first = tasks.get("two_moons").reference_samples(1)
    yield first[:n], first[n : 2 * n]
    yield first[:n], first[n : 2 * n] + 0.1 * first.std(0) * normal(n, 2, 0)
    slcp = tasks.get("slcp")
    yield slcp.reference_samples(1)[:n], slcp.reference_samples(2)[:n]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_it_is_sbis_to_the_last_digit(seed):
    sbi_metrics = pytest.importorskip("sbi.utils.metrics")
    pairs = list(stored_pairs(103))[:3]  # folds of unequal sizes
    known = [float(sbi_metrics.c2st(*pair, seed=seed)) for pair in pairs]
    assert len(set(known)) == 3
    assert [c2st_rf(*pair, seed=seed) for pair in pairs] == pytest.approx(known, abs=1e-14)


@pytest.mark.slow
def test_neither_company_nor_threads_change_it():
    pairs = [*stored_pairs(60)][1:3]
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        together = [result.mean for result in c2st_rf_many(pairs)]
        torch.set_num_threads(1)
        assert together == [c2st_rf(*pair) for pair in pairs]
    finally:
        torch.set_num_threads(threads)


def test_each_fold_has_an_accuracy():
    [result] = c2st_rf_many([(normal(100, 2, 0), normal(100, 2, 1))])
    assert result.accuracies.shape == (1, 5)
    assert result.se == pytest.approx(result.accuracies.std(ddof=1) / 5**0.5)
    assert c2st_rf_many([]) == []


def test_equals_are_at_chance_and_strangers_are_not():
    # 1000 rows are scored once each, with a standard error of 0.016; the bound is four of them.
    assert c2st_rf(normal(500, 2, 0), normal(500, 2, 1)) == pytest.approx(0.5, abs=0.064)
    assert c2st_rf(normal(100, 2, 0), normal(100, 2, 1) + 20.0) == 1.0


def test_it_is_another_measure_than_the_networks():
    """Trees find empty stripes, 1/32 of a square's side wide, at once; 20 hidden units do not."""
    generator = torch.Generator().manual_seed(0)
    reference, samples = 2 * torch.rand(2, 1000, 2, generator=generator) - 1
    stripes = (16 * samples).floor() % 2 == 0
    samples = torch.where(stripes, samples, samples + 1 / 16)
    assert c2st_rf(reference, samples) > c2st(reference, samples) + 0.05


@pytest.mark.slow
def test_a_cell_has_it_for_each_observation():
    rows = run_cell(Cell("gaussian_mixture", "reference", 10, 0, 200, "cpu", (1, 2)))
    assert [row["status"] for row in rows] == ["ok", "ok"]
    # Two sets of reference draws: 400 rows have a standard error of 0.025; the bound is four of them.
    assert [row["c2st_rf"] for row in rows] == pytest.approx([0.5, 0.5], abs=0.1)
    assert rows[0]["c2st_rf"] != rows[0]["c2st"]
