"""The load of other programs: which processes count, and how the load marks a row."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from bench.clock import load
from bench.run import fit_and_sample as cell_module
from bench.run.cell import Cell
from bench.run.run_cell import run_cell
from bench.run.sampling_times import timed_rows

pytestmark = pytest.mark.usefixtures("quick_classifiers")
BUSY = "import time\nwhile time.process_time() < {}: pass"
ORPHAN = f"""
import subprocess, sys
quiet = dict.fromkeys(("stdout", "stderr"), subprocess.DEVNULL)  # an open pipe would be waited for
print(subprocess.Popen([sys.executable, "-c", {BUSY.format(60)!r}], **quiet).pid)
"""


@pytest.fixture(autouse=True)
def _no_earlier_reading(monkeypatch):
    monkeypatch.setattr(load, "_latest", None)


@pytest.fixture
def cell():
    return Cell("two_moons", "prior", 50, 0, 50, "cpu", observations=(1, 2, 3))


@pytest.fixture
def loads(monkeypatch):
    """A function that sets the loads which successive readings return."""

    def set_to(*values):
        left = iter(values)
        monkeypatch.setattr(load, "foreign_load", lambda: next(left))

    return set_to


def test_a_program_of_someone_else_is_seen():
    # The program's parent has ended, so it is no descendant of this process.
    pid = int(subprocess.run([sys.executable, "-c", ORPHAN], capture_output=True, check=True).stdout)
    try:
        # The program could use a whole core all the time; if it gets less, other programs use the cores.
        assert load.foreign_load() > load.LIMIT
    finally:
        os.kill(pid, signal.SIGKILL)


def test_children_are_not_foreign():
    before = load._own_s()
    subprocess.run([sys.executable, "-c", BUSY.format(0.3)], check=True)  # it has ended and is counted
    with subprocess.Popen([sys.executable, "-c", BUSY.format(60)]) as child:
        try:
            time.sleep(0.05)
            running = load._own_s()
            while load._own_s() < running + 0.1:  # it is running and is counted
                time.sleep(0.01)
        finally:
            child.kill()
    assert load._own_s() - before >= 0.38  # each of two readings has an error of 0.01


def test_own_time_is_taken_off(monkeypatch):
    clock, busy, own = iter([0.0, 0.0, 0.2, 0.2]), iter([10.0, 10.38]), iter([5.0, 5.08])
    monkeypatch.setattr(load.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(load.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(load, "_busy_s", lambda: next(busy))
    monkeypatch.setattr(load, "_own_s", lambda: next(own))
    assert load.foreign_load() == pytest.approx(1.5)  # 0.38 - 0.08 s in 0.2 s


def test_a_fresh_reading_is_used_again(monkeypatch):
    readings = iter([1.0, 2.0])
    monkeypatch.setattr(load, "_measured", lambda: next(readings))
    assert [load.foreign_load(), load.foreign_load()] == [1.0, 1.0]
    when, what = load._latest
    load._latest = (when - 2 * load.FRESH_S, what)
    assert load.foreign_load() == 2.0


def test_counters_that_may_not_be_read(monkeypatch, cell):
    def denied():
        raise PermissionError

    monkeypatch.setattr(load, "_busy_s", denied)
    assert load.foreign_load() is None
    rows = run_cell(cell)
    assert [(row["timing"], row["foreign_load"]) for row in rows] == [("exclusive", None)] * 3


def test_a_row_takes_the_largest_load_before_its_timed_calls(loads, cell):
    loads(0.0, 0.1, 0.4, 0.05, 0.9)  # before simulation, fit and sampling for three observations
    rows = run_cell(cell)
    assert [(row["timing"], row["foreign_load"]) for row in rows] == [
        ("exclusive", 0.4),
        ("exclusive", 0.1),
        ("shared", 0.9),
    ]


def test_a_load_before_the_fit_makes_all_rows_shared(loads, cell):
    loads(0.0, 3.0, 0.0, 0.0, 0.0)
    assert {(row["timing"], row["foreign_load"]) for row in run_cell(cell)} == {("shared", 3.0)}


def test_a_cell_beside_others_of_its_run_is_not_measured(loads, cell):
    loads()
    rows = run_cell(replace(cell, timing="shared"))
    assert {(row["status"], row["timing"], row["foreign_load"]) for row in rows} == {("ok", "shared", None)}


def test_times_of_methods_are_marked_too(loads, cell):
    loads(0.0, 0.2, 0.1, 2.0)
    rows = timed_rows(cell, [(1, 1), (5, 1)], max_seconds=10.0)
    assert [(row["timing"], row["foreign_load"]) for row in rows] == [("exclusive", 0.2), ("shared", 2.0)]


def test_the_load_is_read_before_the_clock_starts(monkeypatch, cell):
    happened = []
    monkeypatch.setattr(load, "foreign_load", lambda: happened.append("load") or 0.0)
    for name in ("timed", "timed_repeatedly"):
        clock = getattr(cell_module, name)
        monkeypatch.setattr(
            cell_module, name, lambda *given, clock=clock: happened.append("clock") or clock(*given)
        )
    run_cell(cell)
    assert happened == ["load", *["load", "clock"] * 4]
