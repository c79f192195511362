"""What `make setup` does to the environment."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_make_setup_keeps_packages_that_a_user_has_added():
    make = shutil.which("make") or pytest.skip("there is no make")
    planned = subprocess.run(
        [make, "--dry-run", "--always-make", "setup"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    [sync] = [line for line in planned.splitlines() if " sync " in line]
    assert "--inexact" in sync.split()
