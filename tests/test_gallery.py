"""The gallery: its commands are valid, and the committed rows that it shows are of the grid that it names."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.commands.main import cli
from bench.results.store import Store
from bench.run.grid import read_grid

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


def test_rows_are_of_the_grid():
    grid = read_grid(ROOT / "bench" / "grids" / "gallery.yaml", {})
    rows = Store(ROOT / "results" / "standard").read()
    assert set(rows["task"]) == set(grid.task)
    assert set(rows["method"]) <= set(grid.method)
    assert set(rows["num_observation"]) == {1, 2, 3}
    # The reference has half of its draws to give.
    assert set(rows["num_posterior_samples"]) == {10_000, 5_000}
    pairs = rows[["task", "method"]].drop_duplicates()
    at_grid = rows[rows["num_simulations"] == 1000]
    assert len(at_grid) == 3 * len(pairs)
