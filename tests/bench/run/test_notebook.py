"""Progress in a notebook: one output, whatever is printed. IPython is replaced by a small imitation."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
from rich.progress import Progress as RichProgress

import bench
from bench.run import notebook
from bench.run.notebook import notebook_console

FEW = {"num_simulations": 50, "num_samples": 20, "metrics": "mmd2", "backend": "sequential"}


@pytest.fixture
def outputs(monkeypatch):
    """The outputs below the cell, each a list of the texts that it has shown one after the other."""
    shown = []

    def display(data, *, raw, display_id):
        assert (raw, display_id) == (True, True)
        texts = [data["text/plain"]]
        shown.append(texts)
        return SimpleNamespace(update=lambda data, raw: texts.append(data["text/plain"]))

    ipython, displayed = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=None)
    displayed.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", displayed)
    monkeypatch.setattr(notebook, "PAUSE", 0.0)
    return shown


def test_a_run_is_one_output_with_one_bar(outputs, tmp_path, capfd):
    bench.run(task="two_moons", method=["prior", "reference"], observation=1, out=tmp_path, **FEW)
    [texts] = outputs
    assert all(sum(line.startswith("cells ") for line in text.splitlines()) <= 1 for text in texts)
    assert any("0/2" in text for text in texts)
    lines = texts[-1].splitlines()
    assert lines[0].startswith("2 cells to run, 1 at a time")
    assert [line[:5] for line in lines[1:]] == ["[1/2]", "[2/2]", "cells"]
    assert "2/2" in lines[-1]
    assert "\x1b" not in texts[-1]
    assert capfd.readouterr() == ("", "")


def test_the_last_state_is_shown_although_it_was_shown_a_moment_ago(outputs, monkeypatch):
    monkeypatch.setattr(notebook, "PAUSE", 1000.0)
    with notebook_console() as console:
        for k in range(5):
            console.print(f"line {k}")
    [texts] = outputs
    assert texts == ["line 0", "line 0\nline 1\nline 2\nline 3\nline 4"]


def test_lines_above_a_bar_of_several_lines(outputs):
    with notebook_console() as console, RichProgress(console=console) as bar:
        first, second = bar.add_task("first", total=2), bar.add_task("second", total=2)
        for k in range(2):
            bar.update(first, advance=1)
            bar.update(second, advance=1)
            bar.console.print(f"line {k}")
            bar.refresh()
    lines = outputs[0][-1].splitlines()
    assert [line.split()[0] for line in lines] == ["line", "line", "first", "second"]


def test_old_lines_are_dropped(outputs, monkeypatch):
    monkeypatch.setattr(notebook, "LINES", 10)
    with notebook_console() as console:
        for k in range(100):
            console.print(k)
    assert outputs[0][-1].split() == [str(k) for k in range(91, 100)]


def test_nothing_to_say_gives_no_output(outputs):
    with notebook_console():
        pass
    assert outputs == []


@pytest.mark.parametrize("shell", [None, SimpleNamespace()])  # not in IPython; IPython in a terminal
def test_elsewhere_there_is_no_such_console(outputs, monkeypatch, shell):
    sys.modules["IPython"].get_ipython = lambda: shell
    with notebook_console() as console:
        assert console is None
