"""What only some systems have is not needed to start. macOS and Windows themselves are not tested here."""

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.results.directories import replace
from bench.run import isolation
from bench.run.time_share import interrupted_after

ROOT = Path(__file__).parents[1]
FILES = [
    file for package in ("bench", "methods", "registries", "tasks") for file in (ROOT / package).rglob("*.py")
]
# Modules of Python that Windows lacks.
UNIX = {
    "crypt",
    "curses",
    "fcntl",
    "grp",
    "nis",
    "posix",
    "pty",
    "pwd",
    "readline",
    "resource",
    "spwd",
    "syslog",
}
UNIX |= {"termios", "tty"}
# Functions and signals that Windows lacks.
NAMES = {
    "SIGALRM",
    "SIGHUP",
    "SIGKILL",
    "SIGUSR1",
    "fork",
    "geteuid",
    "getpgid",
    "getuid",
    "killpg",
    "mkfifo",
    "nice",
}
NAMES |= {"sched_getaffinity", "sched_setaffinity", "setpgid", "setsid", "sysconf", "uname", "waitpid"}
LINUX = {"bench/studies/faults.py"}  # says that it needs Linux
# Asks `hasattr` before it uses them.
GUARDED = {"bench/gpu/time_limit.py", "bench/run/inside_worker.py", "bench/run/worker.py"}
GUARDED |= {"bench/run/time_share.py"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_of_unix_alone_is_needed(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in top if isinstance(node, ast.ImportFrom) and node.module}
    assert {name.partition(".")[0] for name in names} & UNIX == set()
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert str(file.relative_to(ROOT)) in LINUX | GUARDED or used & NAMES == set()


@pytest.mark.subprocess
def test_cells_run_and_are_ended_without_process_groups_and_timers(monkeypatch):
    """The runner's side of a system without them; its worker processes have what this system has."""
    for owner, name in ((os, "killpg"), (os, "setpgid"), (signal, "setitimer"), (signal, "SIGALRM")):
        monkeypatch.delattr(owner, name)
    isolation.stop()
    assert isolation.isolated(abs, -3, workers=1) == 3
    with pytest.raises(isolation.OutOfTimeError):
        isolation.isolated(time.sleep, 60.0, workers=1, seconds=0.5)
    isolation.stop()
    with interrupted_after(0.01):  # nothing interrupts it
        time.sleep(0.05)


def test_the_suite_starts_where_a_module_of_unix_is_missing():
    code = """
import sys
import time
sys.modules["resource"] = None
import bench.commands.main, bench.run.cell, bench.run.runner, bench.studies.scale, bench.results.figures.style
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300, cwd=ROOT)


def test_a_file_that_windows_holds_open_is_replaced_a_moment_later(tmp_path, monkeypatch):
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    before, left = os.replace, [PermissionError(13, "held"), PermissionError(13, "held")]

    def held(*paths):
        if left:
            raise left.pop()
        before(*paths)

    monkeypatch.setattr("bench.results.directories.os.replace", held)
    with pytest.raises(PermissionError):  # elsewhere it means that there is no permission
        replace(tmp_path / "new", tmp_path / "old")
    monkeypatch.setattr("bench.results.directories.WINDOWS", True)
    replace(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_text() == "new"
