import math

import pytest

from bench.gpu import measured
from bench.gpu.measured import LEAST_CALLS, Aim, Setting, repeated


@pytest.mark.parametrize(
    ("aim", "value", "is_met"),
    [
        (Aim(2.0), 2.0, True),
        (Aim(2.0), 2.1, False),
        (Aim(2.0, is_upper=False), 2.0, True),
        (Aim(2.0, is_upper=False), 1.9, False),
        (Aim(2.0), math.nan, False),
        (Aim(2.0, is_upper=False), math.nan, False),
    ],
)
def test_an_aim_is_met(aim, value, is_met):
    assert aim.is_met_by(value) is is_met


def test_aims_are_for_a_gpu_and_full_sizes():
    assert Setting("cuda", 1.0).has_aims
    assert not Setting("cuda", 0.5).has_aims
    assert not Setting("cpu", 1.0).has_aims


def test_short_work_is_called_at_least_ten_times():
    calls = []
    result, row = repeated(lambda: calls.append(0) or len(calls), Setting("cpu", 1.0), "it", "call", {})
    assert result == 1
    assert row.num_calls == len(calls) - 1 >= LEAST_CALLS
    assert row.iqr >= 0.0


def test_long_work_is_called_once(monkeypatch):
    monkeypatch.setattr(measured, "timed", lambda work, device: (work(), 3.0))
    _, row = repeated(lambda: None, Setting("cpu", 1.0), "it", "call", {})
    assert (row.value, row.num_calls) == (3.0, 1)
    assert math.isnan(row.iqr)
