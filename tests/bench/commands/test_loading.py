"""The first word of a command, and where prints of libraries and plug-ins go."""

import io
import subprocess
import sys
import time

import pytest

from bench.commands import loading
from bench.commands.main import main

PRINTS = '''
"""Prints wherever it can: when it is imported, and from Python and compiled code in a cell."""

import os
import sys
import warnings

import torch

from methods import Method, Posterior, register_method

print("imported aloud")


class Kept(Posterior):
    def __init__(self, theta):
        self.theta = theta

    def sample(self, sample_shape, x):
        return self.theta[torch.randint(len(self.theta), sample_shape)]


@register_method("talks")
class Talks(Method):
    """Prints."""

    def warm_up(self, device="cpu"):
        pass

    def fit(self, prior, theta, x, device="cpu", seed=0):
        print("fitted aloud")
        sys.stderr.write("to standard error\\n")
        warnings.warn("warned aloud")
        os.write(1, b"from compiled code\\n")
        return Kept(theta)
'''


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def talks(tmp_path):
    file = tmp_path / "talks_plugin.py"
    file.write_text(PRINTS)
    words = ["run", "-t", "two_moons", "-m", "talks", "-n", "50", "-o", "1", "--num-samples", "50"]
    return [*words, "--metrics", "mmd2", "--plugin", str(file), "--out", str(tmp_path / "out")]


@pytest.mark.slow
@pytest.mark.subprocess
def test_what_cells_print_goes_to_the_log(talks, tmp_path):
    command = [sys.executable, "-c", "from bench.commands.main import main; main()", *talks]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=500)
    [log] = (tmp_path / "out" / "logs").iterdir()
    text = log.read_text()
    for printed in ("imported", "fitted", "to standard error", "warned", "from compiled code"):
        assert printed in text
        assert printed not in done.stdout + done.stderr
    assert "[1/1]" in text
    assert "[1/1]" in done.stderr
    assert done.stdout.startswith("ran 1 cells, 0 failed")


def test_what_a_plugin_prints_is_not_in_a_dry_run(talks, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["scorebench", *talks, "--dry-run"])
    with pytest.raises(SystemExit):
        main()
    printed = capfd.readouterr()
    assert "aloud" not in printed.out + printed.err
    assert "1 of unknown cost" in printed.out
    assert not (tmp_path / "out").exists()


def test_a_quick_start_says_nothing(capfd):
    with loading.said_if_slow("loading ...", seconds=5.0):
        pass
    assert capfd.readouterr().err == ""


def test_a_slow_start_is_said(capfd):
    with loading.said_if_slow("loading ...", seconds=0.01):
        time.sleep(0.3)
    assert capfd.readouterr().err == "loading ...\n"


def test_a_terminal_is_told_at_once_and_the_line_is_erased(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with loading.said_if_slow("loading ..."):
        assert terminal.getvalue() == "loading ..."
    assert terminal.getvalue() == "loading ..." + loading.ERASE


@pytest.mark.slow
@pytest.mark.subprocess
def test_the_first_word_comes_before_torch_is_loaded(talks):
    """Two seconds are asked for on a free machine; a loaded one may take ten times as long."""
    code = "from bench.commands import loading, main; loading.PATIENCE = 0; main.main()"
    command = [sys.executable, "-X", "importtime", "-c", code, *talks, "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=500)
    said, torch = (done.stderr.index(text) for text in ("loading torch, tasks and methods", " torch\n"))
    assert said < torch
