"""Thresholds and diagnostics of a certificate, and their summary."""

import pytest
import torch

from tasks.reference.certificate import OPTIONAL, THRESHOLDS, diagnose, failures, verdict

GOOD = {
    "rhat_max": 1.001,
    "ess_bulk_min": 9000.0,
    "ess_tail_min": 8000.0,
    "lag_one_max": 0.01,
    "c2st": 0.501,
    "evidence_z": 1.0,
    "solver_shift": None,
    "divergences": None,
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rhat_max", 1.011),
        ("ess_bulk_min", 1999.0),
        ("ess_tail_min", None),
        ("lag_one_max", 0.06),
        ("c2st", 0.53),
        ("c2st", None),
        ("evidence_z", 4.1),
        ("solver_shift", 0.06),
        ("divergences", 1),
    ],
)
def test_a_threshold_that_is_missed_is_named(field, value):
    assert failures(GOOD) == []
    assert failures(GOOD | {field: value}) == [field]


def test_what_is_not_a_number_or_not_there_is_missed():
    assert failures(dict.fromkeys(GOOD, float("nan"))) == list(THRESHOLDS)
    assert failures({}) == [name for name in THRESHOLDS if name not in OPTIONAL]


def test_the_verdict_tells_the_worst_row():
    text = verdict([GOOD, GOOD | {"c2st": 0.513, "ess_tail_min": 7000.0}])
    assert "0.513" in text
    assert "7000 in the tails" in text
    assert "resolution" not in text
    assert "0 divergent" in verdict([GOOD | {"divergences": 0}])
    assert "by 0.020 sd" in verdict([GOOD | {"solver_shift": 0.02}])


def test_diagnostics_tell_independent_draws_from_sticky_ones():
    torch.manual_seed(0)
    free = torch.randn(10_000, 2)
    figures = diagnose(free)
    assert figures["rhat_own"] < 1.003
    assert min(figures["ess_bulk_min"], figures["ess_tail_min"]) > 8000
    assert figures["lag_one_max"] < 0.045  # 4.5 standard errors of 10 000 draws
    sticky = diagnose(free[:5000].reshape(500, 10, 2).repeat_interleave(2, dim=0).flatten(0, 1))
    assert sticky["lag_one_max"] == pytest.approx(0.5, abs=0.045)
    assert sticky["ess_bulk_min"] < 6000
    apart = free.clone()
    apart[::10] += 1.0
    assert diagnose(apart)["rhat_own"] > 1.01
