"""Directories with made-up rows, and the command line in this process."""

import sys
from types import SimpleNamespace

import pytest

from bench.commands.main import main
from bench.results.schema import COLUMNS
from bench.results.store import Store


def made_up(cell, number, **changes):
    """A good row of a cell."""
    known = {
        "task": "two_moons",
        "task_version": "1",
        "method": "npe",
        "method_version": "1",
        "params": '{"density_estimator": "nsf"}',
        "changed_params": "{}",
        "num_simulations": 100,
        "seed": 0,
        "num_observation": number,
        "status": "ok",
        "error": "",
        "num_posterior_samples": 100,
        "batch_size": 1,
        "samples_sha256": f"{cell}-{number}",
        "c2st": 0.5 + number / 100,
        "cell_s": 1800.0,
        "threads": 2,
        "device": "cpu",
        "timing": "exclusive",
        "cell": cell,
        "started_at": "2026-01-01T00:00:00.000+00:00",
    }
    return dict.fromkeys(COLUMNS) | known | changes


def fill(directory, cells, observations=(1, 2), **changes):
    """Write rows of cells into a directory, in the cells' own files."""
    store = Store(directory)
    for cell in cells:
        store.write_cell(cell, [made_up(cell, number, **changes) for number in observations])
    return store


def content(directory):
    """The rows of a directory as text by cell and observation, whichever files they are in."""
    rows = Store(directory).read().sort_values(["cell", "num_observation"], ignore_index=True)
    return [{name: str(value) for name, value in row.items()} for row in rows.to_dict("records")]


@pytest.fixture(name="fill")
def _fill():
    return fill


@pytest.fixture(name="made_up")
def _made_up():
    return made_up


@pytest.fixture(name="content")
def _content():
    return content


@pytest.fixture
def scorebench(monkeypatch, capfd):
    """A function that calls the entry point in this process and returns exit status, output and errors."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["scorebench", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capfd.readouterr()
        return SimpleNamespace(status=end.value.code, out=captured.out, err=captured.err)

    return call
