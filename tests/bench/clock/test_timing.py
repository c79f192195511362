import math
import sys
import threading
import time
from types import SimpleNamespace

import psutil
import pytest
import torch

from bench.clock import timing


class Asynchronous(timing.Host):
    """A device that accepts work at once and does it asynchronously."""

    def __init__(self):
        self._work = []

    def launch(self, seconds):
        thread = threading.Thread(target=time.sleep, args=[seconds])
        thread.start()
        self._work.append(thread)

    def mark(self):
        for thread in self._work:
            thread.join()
        return super().mark()

    def busy(self):
        return any(thread.is_alive() for thread in self._work)


class Unsynchronised(Asynchronous):
    """The same device with a clock that does not wait for the work."""

    def mark(self):
        return timing.Host.mark(self)


def test_a_known_sleep():
    found = [timing.timed(lambda: time.sleep(0.5) or "done", "cpu") for _ in range(3)]
    assert {result for result, _ in found} == {"done"}
    # The minimum is used because a busy machine may end a sleep late, but never early.
    assert min(seconds for _, seconds in found) == pytest.approx(0.5, rel=0.05)


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


def test_work_behind_the_hosts_back_is_waited_for(monkeypatch):
    device = Asynchronous()
    monkeypatch.setitem(timing.DEVICES, "fake", lambda: device)
    _, seconds = timing.timed(lambda: device.launch(0.3), "fake:0")
    assert seconds == pytest.approx(0.3, rel=0.05)


def test_work_from_before_is_not_counted(monkeypatch):
    device = Asynchronous()
    monkeypatch.setitem(timing.DEVICES, "fake", lambda: device)
    device.launch(0.3)
    _, seconds = timing.timed(lambda: device.launch(0.1), "fake")
    assert seconds == pytest.approx(0.1, rel=0.2)


def test_a_clock_without_synchronisation_is_caught(monkeypatch):
    device = Unsynchronised()
    monkeypatch.setitem(timing.DEVICES, "fake", lambda: device)
    with pytest.raises(timing.ClockError, match="fake was still working"):
        timing.timed(lambda: device.launch(0.3), "fake")


def test_energy_is_that_of_one_call(monkeypatch):
    counter = iter([100.0, 100.0, 108.0])  # joules
    monkeypatch.setattr(timing, "joules", lambda device: next(counter))
    _, clock = timing.timed_repeatedly(lambda: time.sleep(0.03), "cpu", budget_s=0.3, max_repeats=4)
    assert clock.joules == 2.0


@pytest.mark.parametrize("counter", [[5.0, 5.0, 1.0], [None, None, None]])
def test_energy_that_cannot_be_known_is_none(monkeypatch, counter):
    left = iter(counter)
    monkeypatch.setattr(timing, "joules", lambda device: next(left))
    assert timing.timed_repeatedly(lambda: time.sleep(0.05), "cpu")[1].joules is None


def test_peak_memory_sees_an_allocation():
    timing.reset_peak_memory("cpu")
    before = timing.peak_memory_mb("cpu")
    block = torch.ones(50 * 2**20 // 4 * 2)  # 100 MiB, written to
    after = timing.peak_memory_mb("cpu")
    del block
    assert after - before > 80


@pytest.mark.parametrize("known", [{"peak_wset": 3 * 2**20, "rss": 2**20}, {"rss": 3 * 2**20}])
def test_peak_memory_without_unix(monkeypatch, known):
    class Nowhere:
        """A path on a system without /proc."""

        def __init__(self, path):
            pass

        def read_text(self):
            raise FileNotFoundError

    process = SimpleNamespace(memory_info=lambda: SimpleNamespace(**known))
    monkeypatch.setattr(timing, "Path", Nowhere)
    assert timing.peak_memory_mb("cpu") > 1  # of resource
    monkeypatch.setitem(sys.modules, "resource", None)
    monkeypatch.setattr(psutil, "Process", lambda: process)
    assert timing.peak_memory_mb("cpu") == 3
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert math.isnan(timing.peak_memory_mb("cpu"))
