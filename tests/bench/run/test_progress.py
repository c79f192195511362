"""The estimated end of a run, which is the same in the bar of a terminal and in the lines of a log."""

import io
from datetime import datetime, timedelta

import pytest
from rich.console import Console

from bench.run.progress import Progress
from bench.run.runner import Outcome

OUTCOME = Outcome("two_moons prior n=10 seed=0", 1, 0, "", 0, float("nan"), 100.0)


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


def test_a_terminal_shows_the_end_of_a_run_with_cells_longer_than_half_a_minute():
    clock = Clock()
    progress, bar = shown(clock, terminal=True)
    with progress.over(3, jobs=1):
        assert "ends about" not in bar()
        for left in (200.0, 100.0):
            clock.now += 100.0
            progress.finished(OUTCOME)
            for wait in (0.0, 40.0):  # also if the cell's estimated end is long past
                clock.now += wait
                _, found, end = bar().partition("ends about ")
                assert found
                assert any(time in end for time in times(left - wait))
            clock.now -= 40.0


def test_lines_and_bar_tell_the_same_end():
    clock = Clock()
    progress, _ = shown(clock, terminal=False)
    with progress.over(4, jobs=2):
        clock.now += 300.0
        progress.finished(OUTCOME)
        assert progress._left() == 900.0
    [line] = progress.console.file.getvalue().splitlines()
    assert line.startswith("[1/4]")
    assert "ends about" in line


def test_a_cell_that_takes_longer_puts_the_end_off():
    clock = Clock()
    progress, _ = shown(clock, terminal=False)
    with progress.over(4, jobs=1):
        clock.now += 10.0
        progress.finished(OUTCOME)
        clock.now += 90.0
        assert progress._left() == pytest.approx(100.0)  # two cells would take 100 s if the second ended now


def test_the_last_cell_has_no_end_to_come():
    clock = Clock()
    progress, _ = shown(clock, terminal=False)
    with progress.over(1, jobs=3):
        clock.now += 10.0
        progress.finished(OUTCOME)
    assert "ends about" not in progress.console.file.getvalue()
