"""A store that was written before the packages were laid out anew: ``scorebench run`` has nothing to do."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.commands.main import cli
from bench.results.schema import COLUMNS
from bench.results.store import Store

STORED = Path(__file__).with_name("stored")
# The command that wrote it, at commit 087835b, but for rejection_abc[num_accepted=20]: that method has a new
# version since, so its two cells would be run again.
RUN = "run -t two_moons -t gaussian_linear -m prior -m reference -n 100 -o 1 -o 2 --num-samples 100"


@pytest.fixture
def store(tmp_path):
    """A copy, because a run writes next to it."""
    return shutil.copytree(STORED, tmp_path / "store")


def call(*arguments):
    return CliRunner().invoke(cli, arguments, standalone_mode=False, catch_exceptions=False)


def test_nothing_is_run_again(store):
    before = {path.name: path.read_bytes() for path in (store / "cells").iterdir()}
    result = call(*RUN.split(), "--out", str(store))
    assert (result.return_value, "nothing to do: all 4 cells are done" in result.output) == (0, True)
    assert {path.name: path.read_bytes() for path in (store / "cells").iterdir()} == before


def test_every_column_is_read_and_the_table_shows_every_method(store):
    rows = Store(store).read()
    assert list(rows) == COLUMNS
    assert len(rows) == 12
    assert rows["num_extreme_simulations"].isna().all()
    assert rows[["c2st", "c2st_se", "mmd2", "ppc", "outside_prior", "train_s"]].notna().all(axis=None)
    table = call("table", str(store), "--format", "csv").output
    assert table.count("\n") == 1 + 6
