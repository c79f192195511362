import time

import pytest
import torch

from bench import timing


def test_a_known_sleep():
    result, seconds = timing.timed(lambda: time.sleep(0.2) or "done", "cpu")
    assert result == "done"
    assert seconds == pytest.approx(0.2, rel=0.1)


def test_fast_work_is_repeated_and_the_first_call_left_out():
    delays = iter([0.3, 0.02, 0.02, 0.02, 0.02, 0.02])
    _, clock = timing.timed_repeatedly(lambda: time.sleep(next(delays)), "cpu")
    assert clock.seconds == pytest.approx(0.02, rel=0.3)
    assert clock.iqr < 0.02
    assert next(delays, None) is None


def test_slow_work_runs_once(monkeypatch):
    monkeypatch.setattr(timing, "REPEAT_BUDGET_S", 0.05)
    calls = []
    _, clock = timing.timed_repeatedly(lambda: calls.append(time.sleep(0.1)), "cpu")
    assert len(calls) == 1
    assert clock.seconds >= 0.1
    assert clock.iqr != clock.iqr


def test_the_device_is_waited_for(monkeypatch):
    """A fake device whose work ends only when it is synchronised: the clock must include it."""
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: time.sleep(0.1))
    _, seconds = timing.timed(lambda: None, "cuda")
    assert seconds >= 0.1


def test_peak_memory_sees_an_allocation():
    timing.reset_peak_memory("cpu")
    before = timing.peak_memory_mb("cpu")
    block = torch.ones(50 * 2**20 // 4 * 2)  # 100 MiB, touched
    after = timing.peak_memory_mb("cpu")
    del block
    assert after - before > 80
