"""The bar of a terminal and the lines of a log: running cells, and the estimated end of a run."""

import io
import re
from contextlib import ExitStack
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from rich.console import Console

from bench.run.progress import Progress
from bench.run.remaining import Remaining
from bench.run.runner import Outcome


def outcome(key, seconds):
    return Outcome("two_moons prior n=10 seed=0", 1, 0, "", 0, float("nan"), seconds, key=key)


def cell(key):
    return SimpleNamespace(key=key, label=f"two_moons prior n=10 {key}")


class Clock:
    """A clock whose time the test sets."""

    now = 1000.0

    def __call__(self):
        return self.now


def shown(clock, terminal):
    """A progress whose output can be read, and a function that returns the current bar."""
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200, get_time=clock)
    progress = Progress(console)

    def bar():
        with console.capture() as captured:
            console.print(progress._bar.get_renderable())
        return captured.get()

    return progress, bar


def times(seconds):
    """Times of day that many seconds from now, give or take 30 s in case a minute begins meanwhile."""
    now = datetime.now().astimezone()
    return [f"{now + timedelta(seconds=seconds + late):%H:%M}" for late in (-30, 0, 30)]


def test_a_terminal_shows_the_end_of_a_run_without_forecasts_after_the_first_cell():
    clock = Clock()
    progress, bar = shown(clock, terminal=True)
    with progress.over(dict.fromkeys("abc"), jobs=1):
        assert "ends about" not in bar()
        for key, left in (("a", 200.0), ("b", 100.0)):
            with progress.running(cell(key)):
                clock.now += 100.0
            progress.finished(outcome(key, 100.0))
            for wait in (0.0, 40.0):
                clock.now += wait
                _, found, end = bar().partition("ends about ")
                assert found
                assert any(time in end for time in times(left - wait))
            clock.now -= 40.0


def test_forecasts_give_the_end_from_the_first_cell_on_and_running_cells_are_named():
    clock = Clock()
    progress, bar = shown(clock, terminal=True)
    with progress.over({"a": 3600.0, "b": 1800.0, "c": None}, jobs=2), ExitStack() as running:
        for key in "ab":
            running.enter_context(progress.running(cell(key)))
        clock.now += 60.0
        now = bar()
        # An hour, half an hour and their mean, on two jobs.
        assert any(time in now for time in times((3600 + 1800 + 2700) / 2 - 60))
        assert "two_moons prior n=10 a: 60 s of about 3600 s" in now
        assert "two_moons prior n=10 b: 60 s of about 1800 s" in now
    assert "two_moons" not in bar()


def test_many_running_cells_are_counted_and_names_are_escaped():
    progress, bar = shown(Clock(), terminal=True)
    keys = [f"{k}\x1b[31m" for k in range(12)]
    with progress.over(dict.fromkeys(keys), jobs=12), ExitStack() as running:
        for key in keys:
            running.enter_context(progress.running(cell(key)))
        assert "… and 4 more" in bar()
        assert "7\\x1b[31m: 0 s" in bar()


def test_lines_and_bar_tell_the_same_end():
    clock = Clock()
    progress, _ = shown(clock, terminal=False)
    with progress.over(dict.fromkeys("abcd"), jobs=1):
        clock.now += 300.0
        progress.finished(outcome("a", 300.0))
        assert progress._left() == 900.0
    first, line = progress.console.file.getvalue().splitlines()
    assert first == "4 cells to run, 1 at a time"
    assert line.startswith("[1/4]")
    assert "ends about" in line


def test_the_first_line_tells_the_forecast():
    progress, _ = shown(Clock(), terminal=False)
    with progress.over({"a": 7200.0}, jobs=1):
        pass
    [line] = progress.console.file.getvalue().splitlines()
    assert re.fullmatch(r"1 cells to run, 1 at a time, ends about (\S+ )?\d\d:\d\d", line)


def test_a_cell_that_takes_longer_puts_the_end_off():
    left = Remaining(dict.fromkeys("abcd"), jobs=1, now=0.0)
    left.start("a", 0.0)
    left.end("a", 10.0, 10.0)
    left.start("b", 10.0)
    assert left.left(15.0) == pytest.approx(25.0)
    assert left.left(100.0) == pytest.approx(100.0)  # two cells would take 100 s if the second ended now


def test_a_small_cell_at_first_does_not_mislead():
    left = Remaining({"small": 1.0, "large": 1000.0}, jobs=1, now=0.0)
    left.end("small", 1.0, 1.0)
    assert left.left(1.0) == pytest.approx(1000.0)
    left.start("large", 1.0)
    assert left.left(501.0) == pytest.approx(500.0)


def test_a_machine_at_half_the_speed_takes_twice_the_time():
    left = Remaining(dict.fromkeys(map(str, range(100)), 10.0), jobs=1, now=0.0)
    for k in range(50):
        left.end(str(k), 20.0, 20.0 * (k + 1))
    assert left.left(1000.0) == pytest.approx(1000.0, rel=0.02)


def test_the_run_takes_at_least_as_long_as_its_longest_running_cell():
    left = Remaining({"long": 100.0, "b": 1.0, "c": 1.0}, jobs=3, now=0.0)
    for key in ("long", "b", "c"):
        left.start(key, 0.0)
    assert left.left(0.0) == pytest.approx(100.0)


def test_a_cluster_that_does_not_tell_of_starts_counts_down_too():
    left = Remaining(dict.fromkeys("abcd", 100.0), jobs=2, now=0.0)
    assert left.left(0.0) == pytest.approx(200.0)
    assert left.left(50.0) == pytest.approx(150.0)


def test_cells_of_another_runner_tell_nothing_of_the_speed():
    left = Remaining(dict.fromkeys("abc"), jobs=1, now=0.0)
    left.end("a", 0.01, 0.01, elsewhere=True)
    assert left.left(0.01) is None


def test_the_last_cell_has_no_end_to_come():
    clock = Clock()
    progress, _ = shown(clock, terminal=False)
    with progress.over({"a": None}, jobs=3):
        clock.now += 10.0
        progress.finished(outcome("a", 10.0))
    assert "ends about" not in progress.console.file.getvalue()
