"""Full disks, closed pipes and dead helpers are one line, and control characters reach no terminal."""

import io
import logging
import os
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from types import SimpleNamespace

import pytest
from rich.console import Console

from bench.commands import main as module
from bench.errors import StorageError
from bench.printable import printable
from bench.run.outcome import Outcome
from bench.run.progress import Progress

COMMAND = [sys.executable, "-c", "from bench.commands.main import main; main()"]


def call(monkeypatch, capfd, *arguments):
    monkeypatch.setattr(sys, "argv", ["scorebench", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        module.main()
    captured = capfd.readouterr()
    return SimpleNamespace(status=end.value.code, out=captured.out, err=captured.err)


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (BrokenProcessPool("terminated abruptly"), 1, "a worker process died"),
        (MemoryError(), 1, "no memory left"),
        (OSError(28, "No space left on device", "file"), 2, "file: No space left on device"),
        (OSError(5, "Input/output error"), 2, "scorebench: Input/output error"),
        (OSError("odd"), 2, "scorebench: odd"),
    ],
)
def test_what_the_machine_does_is_one_line(monkeypatch, capfd, error, status, words):
    def fails(*arguments):
        raise error

    monkeypatch.setattr("bench.studies.metrics.known_errors", fails)
    result = call(monkeypatch, capfd, "study", "metrics")
    assert (result.status, result.out, len(result.err.splitlines())) == (status, "", 1)
    assert words in result.err


@pytest.mark.parametrize(("begun", "status"), [(False, 2), (True, 1)])
def test_a_full_disk_has_another_status_where_work_had_begun(tmp_path, monkeypatch, capfd, begun, status):
    def fails(cells, store, options, progress, predict, begin):
        progress.begun = begun
        raise StorageError("the disk is full")

    monkeypatch.setattr("bench.run.runner.run", fails)
    result = call(monkeypatch, capfd, "run", "-t", "sir", "-m", "prior", "--out", tmp_path)
    assert (result.status, result.err) == (status, "scorebench: the disk is full\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="of Linux")
@pytest.mark.slow
def test_standard_output_that_is_full_or_closed():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "list", "grids"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "No space left on device" in done.stderr
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, "list", "grids"], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert done.stderr == ""


def test_a_log_on_a_full_disk_is_one_line_and_the_run_goes_on(tmp_path, monkeypatch):
    console = Console(file=io.StringIO(), width=500)
    progress = Progress(console, log=tmp_path)

    def full(self, record):
        try:
            raise OSError(28, "No space left on device")
        except OSError:
            self.handleError(record)

    monkeypatch.setattr(logging.FileHandler, "emit", full)
    with progress.over(dict.fromkeys("ab"), jobs=1):
        progress.say("one")
        progress.say("two")
    lines = console.file.getvalue().splitlines()
    assert [line for line in lines if "could not be written" not in line] == [
        "2 cells to run, 1 at a time",
        "one",
        "two",
    ]
    assert len(lines) == 4


def test_a_line_of_progress_is_a_line(tmp_path):
    console = Console(file=io.StringIO(), width=500, force_terminal=False)
    progress = Progress(console, log=tmp_path)
    odd = "a\x1b[31m\nb\r:smile: [red]x[/red] \u202e"
    with progress.over({"a": None}, jobs=1):
        progress.finished(Outcome(odd, 1, 1, odd, 0, float("nan"), 1.0))
    _, line = console.file.getvalue().splitlines()
    assert printable(odd) in line
    [log] = tmp_path.iterdir()
    assert all(line.isprintable() for line in log.read_text(encoding="utf-8").splitlines())


def test_printable_escapes_what_a_terminal_would_obey():
    assert printable("a\tb\x1b[1m\x9b\u2028\u202e\ud800é 😀") == (
        "a\\tb\\x1b[1m\\x9b\\u2028\\u202e\\ud800é 😀"
    )
