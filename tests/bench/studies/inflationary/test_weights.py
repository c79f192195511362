import pytest
import torch
from scipy.stats import kstest

from bench.studies.inflationary import ToyFlow, weights, weights_coverage


class Shifted(ToyFlow):
    """A flow whose latents are shifted, so that it does not invert itself."""

    def inflate(self, points, until=None):
        return super().inflate(points, until) + torch.tensor([0.9, 0.0])


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(weights, "DRAWS", 200)
    monkeypatch.setattr(weights, "WARM_UP", 100)


@pytest.mark.slow
def test_maps_that_lose_nothing_are_calibrated(untrained):
    table, masses = weights_coverage(untrained, 40)
    assert kstest(masses, "uniform").pvalue > 1e-4
    assert table["p_value"].min() > 1e-4 / len(table)
    assert table["weights"].unique().tolist() == ["from the prior", "published"]
    assert table["rhat"].max() < 1.2  # the largest of 120 weights; 150 draws gave up to 1.16


@pytest.mark.slow
def test_maps_that_lose_something_are_not(untrained, monkeypatch):
    # With these shorter chains, p-values are below 1e-30 here, and above 0.01 for maps that lose nothing.
    monkeypatch.setattr(weights, "DRAWS", 100)
    monkeypatch.setattr(weights, "WARM_UP", 50)
    shifted = Shifted(untrained.name, untrained.keep, untrained.whitening, untrained.flow)
    table, masses = weights_coverage(shifted, 40)
    assert kstest(masses, "uniform").pvalue < 1e-4
    assert table["p_value"].min() < 1e-3
