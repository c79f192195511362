"""Calibration of reference samplers: calibrated samplers pass, shifted ones do not."""

import pytest
import torch

import tasks
from bench.studies import references as reference_study
from bench.studies.references import sampler_calibration


def sampler_of(shift):
    """A sampler of prior draws, which are calibrated, shifted by a multiple of the standard deviation."""

    def sampler(task, coordinates, x_o, pool, seed):
        torch.manual_seed(seed)
        prior = task.prior()
        return type("Run", (), {"draws": prior.sample((1000,)) + shift * prior.stddev})()

    return sampler


@pytest.mark.parametrize(("shift", "passes"), [(0.0, True), (2.0, False)])
def test_only_calibrated_samplers_pass(monkeypatch, shift, passes):
    monkeypatch.setattr(
        reference_study, "SAMPLERS", {"grid": sampler_of(shift), "metropolis": sampler_of(0.0)}
    )
    monkeypatch.setattr(reference_study, "PRIOR_DRAWS", 10)
    table = sampler_calibration([tasks.get("damped_oscillator")], num_pairs=100, seed=1, jobs=1)
    assert table["sampler"].tolist() == ["grid", "metropolis"]
    assert tasks.get("damped_oscillator").reference_by == "grid"
    assert (table["p_value"] > 1e-4).tolist() == [passes, True]
