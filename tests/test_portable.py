"""What only some systems have is not needed to start. macOS and Windows themselves are not tested here."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.results.directories import replace

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


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_of_unix_alone_is_needed(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in top if isinstance(node, ast.ImportFrom) and node.module}
    assert {name.partition(".")[0] for name in names} & UNIX == set()
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert str(file.relative_to(ROOT)) in LINUX or used & NAMES == set()


def test_the_suite_starts_where_a_module_of_unix_is_missing():
    code = """
import sys
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
