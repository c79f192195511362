"""The commands of `make gallery` are valid."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.commands.main import cli

ROOT = Path(__file__).parents[1]


def test_commands_of_the_gallery_are_accepted():
    make = shutil.which("make") or pytest.skip("there is no make")
    planned = subprocess.run(
        [make, "--dry-run", "gallery"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    lines = [line.partition(" >")[0] for line in planned.splitlines() if "/scorebench " in line]
    assert len(lines) >= 5
    for line in lines:
        _, name, *words = shlex.split(line)
        cli.commands[name].make_context(
            name, [word.replace("results/", f"{ROOT}/results/") for word in words]
        )
